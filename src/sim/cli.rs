//! The command `resim`: flags, a world made from them, what is printed and written when it serves.

use super::certs::mint::{self, KeyKind};
use super::certs::{fingerprint, public_key_fingerprint};
use super::config::{Config, LOG_CAPACITY, NodeConfig, Timings};
use super::fault::FaultPlan;
use super::fidelity;
use super::form::Formation;
use super::ids::NodeIndex;
use super::license_text::License;
use super::serve::{Limits, Listeners, LogFormat, ServeOptions, Server, wall_clock, write_atomically};
use super::switch::{SWITCHES, Switches};
use super::version::Profile;
use super::world::World;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Redis Enterprise Software in memory: its REST API over TLS on loopback addresses.
#[derive(Debug, Parser)]
#[command(name = "resim", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a licence that simulated clusters accept.
    License(LicenseArgs),
    /// Print the page that says how faithful the simulator is.
    #[command(hide = true)]
    Fidelity,
}

#[derive(Debug, Args)]
struct LicenseArgs {
    /// FQDN of the only cluster that it is for.
    #[arg(long, value_name = "FQDN")]
    cluster_name: String,
    /// Shards that it allows, replicas included.
    #[arg(long, value_name = "N")]
    shards: u64,
    /// Days for which it holds.
    #[arg(long, value_name = "N", default_value_t = 365)]
    days: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Log {
    /// One readable line a request.
    Text,
    /// One JSON object a request.
    Json,
    /// Nothing.
    None,
}

#[derive(Clone, Debug, Args)]
struct ServeArgs {
    /// Number of nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=35))]
    nodes: u8,
    /// Version to stand for: 7.4, 7.8, 7.22, 8.0 or 8.2.
    #[arg(long, value_name = "VERSION", default_value = "8.2")]
    profile: Profile,
    /// Begin with a cluster of this name that all nodes have joined, instead of with fresh nodes.
    #[arg(long, value_name = "FQDN")]
    cluster: Option<String>,
    /// Administrator of that cluster.
    #[arg(long, value_name = "NAME", default_value = "admin@example.com")]
    username: String,
    /// The administrator's password.
    #[arg(long, value_name = "TEXT", default_value = "resim-admin")]
    password: String,
    /// Shards that the licence of that cluster allows, instead of the trial's four.
    #[arg(long, value_name = "N", requires = "cluster")]
    license_shards: Option<u64>,
    /// Shards that each node of that cluster may hold.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "cluster")]
    node_shards: u64,
    /// Database endpoints that each node of that cluster may serve.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "cluster")]
    node_listeners: u64,
    /// Address of the first node; the others follow it, or share it with --one-address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.11")]
    bind: IpAddr,
    /// Port of every node; 0 takes free ones.
    #[arg(long, value_name = "PORT", default_value_t = 9443)]
    port: u16,
    /// All nodes share one address and take ports one after the other.
    #[arg(long)]
    one_address: bool,
    /// Port for admin requests (request log, faults, power) on 127.0.0.1, plain HTTP; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    admin_port: u16,
    /// Simulated seconds per second.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Memory of each node: GiB, or with a unit, as 512Mi.
    #[arg(long, value_name = "SIZE", default_value = "32", value_parser = parse_size)]
    node_memory: u64,
    /// Ids and choices that look random follow from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Certificates with RSA 4096 keys, as the product makes them, instead of ECDSA. Takes some seconds.
    #[arg(long)]
    rsa: bool,
    /// JSON file with a fault plan.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Documented doubts to take the other way, separated by commas, or `all`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    switches: Vec<String>,
    /// Print the documented doubts and end.
    #[arg(long)]
    list_switches: bool,
    /// Tag key that names the owner of a database; two databases with one owner break an invariant.
    #[arg(long, value_name = "KEY")]
    ownership_tag: Option<String>,
    /// Write this JSON file when the nodes serve: addresses, certificates, credentials, admin port, pid.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep in this file the certificates that the nodes show, for clients to trust.
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Keep the world in this file across restarts, with its secrets. If the file is there, the world in it goes on, at the same
    /// addresses; flags that describe a new world are then not needed.
    #[arg(long, value_name = "FILE")]
    state_file: Option<PathBuf>,
    /// Serve every active database by a real redis-server on its endpoint's port.
    #[arg(long)]
    data_plane: bool,
    /// How requests are reported on standard error.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    log: Log,
    /// Requests that the admin port's log keeps at least; older ones are forgotten, their numbers are not given again.
    #[arg(long, value_name = "N", default_value_t = LOG_CAPACITY)]
    log_capacity: usize,
    /// End with status 3 if a request broke an invariant.
    #[arg(long)]
    strict: bool,
    /// End when the process that started resim does.
    #[arg(long)]
    die_with_parent: bool,
}

/// Runs the command. Status 2 for a mistake in its use, 3 for a broken invariant under `--strict`.
#[must_use]
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let given = |flag: &str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = match cli.command {
        Some(Command::License(args)) => {
            print!("{}", license(&args, wall_clock()).text);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Fidelity) => {
            print!("{}", fidelity::page());
            Ok(ExitCode::SUCCESS)
        }
        None if cli.serve.list_switches => {
            print!("{}", switches_text());
            Ok(ExitCode::SUCCESS)
        }
        None => run(&cli.serve, given),
    };
    result.unwrap_or_else(|error| {
        eprintln!("resim: {error}");
        ExitCode::from(2)
    })
}

/// Valid from an hour ago, so that clocks need not agree.
fn license(args: &LicenseArgs, now: Timestamp) -> License {
    License::bought(
        &args.cluster_name,
        args.shards,
        now - SignedDuration::from_hours(1),
        args.days,
    )
}

fn switches_text() -> String {
    let mut text = String::new();
    for row in SWITCHES {
        let (name, default, set, source) = (row.name, row.default, row.alternative, row.source);
        let _ = writeln!(
            text,
            "{name}\n    default  {default}\n    set      {set}\n    doubt    {source}"
        );
    }
    text
}

fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "Mi" => 1 << 20,
        "" | "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        other => return Err(format!("unknown unit {other:?}")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is not a size"))?;
    number
        .checked_mul(unit)
        .filter(|size| *size > 0)
        .ok_or_else(|| format!("{text:?} is out of range"))
}

fn run(args: &ServeArgs, given: impl Fn(&str) -> bool) -> Result<ExitCode, String> {
    if !(args.speed > 0.0 && args.speed.is_finite()) {
        return Err(format!("--speed {}: a positive number is wanted", args.speed));
    }
    let faults = args
        .faults
        .as_deref()
        .map(read_faults)
        .transpose()?
        .unwrap_or_default();
    let switches = read_switches(&args.switches)?;
    let (args, kept) = match &args.state_file {
        Some(path) if path.exists() => {
            let (args, world) = restore(args, path, given)?;
            (args, Some(world))
        }
        _ => (args.clone(), None),
    };
    let args = &args;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let violated = runtime.block_on(async {
        let admin = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), args.admin_port);
        let hint = "; --port 0 takes free ports, --bind 127.0.0.1 --one-address does with a single address";
        let wanted = match &kept {
            Some(world) => kept_addresses(world)?,
            None => wanted_addresses(args)?,
        };
        let listeners = Listeners::open(&wanted, admin)
            .await
            .map_err(|error| format!("{error}{hint}"))?;
        let world = match kept {
            Some(mut world) => {
                if args.faults.is_some() {
                    world.set_faults(faults);
                }
                world
            }
            None => make_world(args, &listeners.nodes(), faults, switches)?,
        };
        serve_world(args, world, listeners).await
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(if violated? && args.strict {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

/// What a state file says besides the world.
fn note(args: &ServeArgs) -> Value {
    json!({"cluster": args.cluster, "username": args.username, "password": args.password})
}

/// The world of a state file, and the flags that describe it. Flags that were `given` must not say otherwise.
fn restore(
    args: &ServeArgs,
    path: &Path,
    given: impl Fn(&str) -> bool,
) -> Result<(ServeArgs, World), String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let way_out = "move the file away to begin anew";
    let source = mint::source(wall_clock(), key_kind(args));
    let source = source.map_err(|error| format!("cannot make a certificate: {error}"))?;
    let (world, note) =
        World::restored(&text, source).map_err(|why| format!("cannot use {shown}: {why}; {way_out}"))?;
    let mut described = args.clone();
    let nodes = (0..)
        .map_while(|index| world.address_of(NodeIndex(index)))
        .count();
    described.nodes = u8::try_from(nodes).unwrap_or(u8::MAX);
    described.profile = world.profile();
    let text = |key: &str| note.get(key).and_then(Value::as_str).map(str::to_owned);
    described.cluster = text("cluster");
    described.username = text("username").unwrap_or_else(|| args.username.clone());
    described.password = text("password").unwrap_or_else(|| args.password.clone());
    let same = [
        ("nodes", described.nodes == args.nodes),
        ("profile", described.profile == args.profile),
        ("cluster", described.cluster == args.cluster),
        ("username", described.username == args.username),
        ("password", described.password == args.password),
    ];
    match same.iter().find(|(flag, same)| !same && given(flag)) {
        Some((flag, _)) => Err(format!("--{flag} differs from the world in {shown}; {way_out}")),
        None => Ok((described, world)),
    }
}

/// Where the nodes of a restored world listened.
fn kept_addresses(world: &World) -> Result<Vec<SocketAddr>, String> {
    let nodes = (0..).map_while(|index| world.address_of(NodeIndex(index)));
    let parsed = nodes.map(|(address, port)| {
        let ip: IpAddr = address.parse().map_err(|_| format!("{address} is no address"))?;
        Ok(SocketAddr::new(ip, port))
    });
    parsed.collect()
}

fn key_kind(args: &ServeArgs) -> KeyKind {
    if args.rsa {
        KeyKind::Rsa4096
    } else {
        KeyKind::Ecdsa
    }
}

/// Serves until a signal; gives whether an invariant was broken.
async fn serve_world(args: &ServeArgs, world: World, listeners: Listeners) -> Result<bool, String> {
    let stop = stop_signal(args.die_with_parent)?;
    let ready = ready(args, &world, &listeners.nodes(), listeners.admin().port());
    let log = match args.log {
        Log::Text => LogFormat::Text,
        Log::Json => LogFormat::Json,
        Log::None => LogFormat::Off,
    };
    let server = Server::new(
        world,
        listeners,
        ServeOptions {
            speed: args.speed,
            log,
            ca_out: args.ca_out.clone(),
            state_file: args.state_file.clone().map(|path| (path, note(args))),
            limits: Limits::default(),
        },
    );
    let server = if args.data_plane {
        server.with_data_plane()?
    } else {
        server
    };
    if let Some(path) = &args.ready_file {
        write_atomically(path, &format!("{ready:#}\n"))?;
    }
    // Nobody may be reading.
    let _ = write!(std::io::stdout(), "{}", banner(args, &ready));
    let live = server.live();
    server.run(stop).await;
    let violated = live
        .world()
        .violations()
        .iter()
        .any(|violation| !violation.advisory);
    Ok(violated)
}

/// Resolves on Ctrl-C, on SIGTERM and, if wanted, when the parent process is gone.
fn stop_signal(with_parent: bool) -> Result<impl Future<Output = ()>, String> {
    let failed = |error| format!("cannot listen for signals: {error}");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let parent = std::os::unix::process::parent_id();
    let orphaned = async move {
        while !with_parent || std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = orphaned => {}
        }
    })
}

fn read_faults(path: &Path) -> Result<FaultPlan, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not a fault plan: {error}", path.display()))
}

fn read_switches(names: &[String]) -> Result<Switches, String> {
    let mut switches = Switches::all_default();
    for name in names {
        if name == "all" {
            return Ok(Switches::all_alternative());
        }
        switches.set(name)?;
    }
    Ok(switches)
}

fn wanted_addresses(args: &ServeArgs) -> Result<Vec<SocketAddr>, String> {
    let wanted = |index: u8| {
        let address = if args.one_address {
            args.bind
        } else {
            nth_address(args.bind, index)?
        };
        let step = if args.one_address && args.port != 0 {
            u16::from(index)
        } else {
            0
        };
        let port = args
            .port
            .checked_add(step)
            .ok_or("--port is too high for so many nodes")?;
        Ok(SocketAddr::new(address, port))
    };
    (0..args.nodes).map(wanted).collect()
}

fn nth_address(first: IpAddr, index: u8) -> Result<IpAddr, String> {
    match first {
        IpAddr::V4(first) => {
            let next = u32::from(first)
                .checked_add(u32::from(index))
                .ok_or("--bind is too high for so many nodes")?;
            Ok(IpAddr::V4(next.into()))
        }
        IpAddr::V6(_) if index == 0 => Ok(first),
        IpAddr::V6(_) => Err("several nodes on IPv6 need --one-address".to_owned()),
    }
}

fn make_world(
    args: &ServeArgs,
    addresses: &[SocketAddr],
    faults: FaultPlan,
    switches: Switches,
) -> Result<World, String> {
    let key = key_kind(args);
    let unmade = |error| format!("cannot make a certificate: {error}");
    let now = wall_clock();
    // Forming a cluster takes simulated minutes; they lie in the past.
    let start = if args.cluster.is_some() {
        now - SignedDuration::from_mins(2) * i32::from(args.nodes)
    } else {
        now
    };
    let mut nodes = Vec::new();
    for (number, address) in (1..).zip(addresses) {
        let (name, ip) = (format!("node{number}"), address.ip().to_string());
        let identity = mint::node(&name, &[&ip], start, key).map_err(unmade)?;
        let node = NodeConfig::new(&name, &ip, identity);
        nodes.push(NodeConfig {
            port: address.port(),
            memory_bytes: args.node_memory,
            ..node
        });
    }
    let mut world = World::new(Config {
        seed: args.seed,
        start,
        profile: args.profile,
        switches,
        timings: Timings::default(),
        nodes,
        certificates: mint::source(start, key).map_err(unmade)?,
        faults: FaultPlan::default(),
        log_capacity: args.log_capacity,
        ownership_tag: args.ownership_tag.clone(),
    });
    if let Some(name) = &args.cluster {
        let license = args
            .license_shards
            .map(|shards| License::bought(name, shards, start, 365).text);
        let formation = Formation {
            members: usize::from(args.nodes),
            license: license.unwrap_or_default(),
            node_shards: args.node_shards,
            node_listeners: args.node_listeners,
            ..Formation::new(name, &args.username, &args.password)
        };
        world
            .form(&formation)
            .map_err(|error| format!("--cluster {name}: {error}"))?;
        world.advance(now);
    }
    world.set_faults(faults);
    Ok(world)
}

fn ready(args: &ServeArgs, world: &World, addresses: &[SocketAddr], admin_port: u16) -> Value {
    let node = |(index, address): (usize, &SocketAddr)| {
        let chain = world
            .presented(NodeIndex(index))
            .map(|identity| identity.chain_pem.as_str())
            .unwrap_or_default();
        json!({
            "name": format!("node{}", index + 1),
            "address": address.ip().to_string(),
            "port": address.port(),
            "uid": world.uid(NodeIndex(index)).map(|uid| uid.0),
            "certificate": chain,
            "sha256": fingerprint(chain),
            "public_key_sha256": public_key_fingerprint(chain),
        })
    };
    json!({
        "nodes": addresses.iter().enumerate().map(node).collect::<Vec<_>>(),
        "cluster": args.cluster,
        "username": args.username,
        "password": args.password,
        "version": args.profile.software_version(),
        "admin_port": admin_port,
        "pid": std::process::id(),
    })
}

fn banner(args: &ServeArgs, ready: &Value) -> String {
    let state = match &args.cluster {
        Some(name) => format!("cluster {name} on {} nodes", args.nodes),
        None => format!("{} fresh nodes", args.nodes),
    };
    let mut text = format!(
        "resim stands for Redis Enterprise Software {}: {state}\n",
        args.profile
    );
    let part = |node: &Value, field: &str| match node.get(field) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    };
    let nodes = ready
        .get("nodes")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let url = |node: &Value| format!("https://{}:{}", part(node, "address"), part(node, "port"));
    for node in nodes {
        let _ = writeln!(
            text,
            "  {:<6}  {}  sha256 {}",
            part(node, "name"),
            url(node),
            part(node, "sha256")
        );
    }
    let _ = writeln!(
        text,
        "  admin   http://127.0.0.1:{}/state",
        part(ready, "admin_port")
    );
    let first = nodes.first().map(url).unwrap_or_default();
    let _ = match &args.cluster {
        Some(_) => writeln!(
            text,
            "Try:  curl -k -u '{}:{}' {first}/v1/nodes",
            args.username, args.password
        ),
        None => {
            let body = json!({
                "action": "create_cluster", "cluster": {"name": "demo.example.com"},
                "credentials": {"username": args.username, "password": args.password},
            });
            writeln!(
                text,
                "Try:  curl -k {first}/v1/bootstrap\n      curl -k {first}/v1/bootstrap/create_cluster -d '{body}'"
            )
        }
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_gibibytes_or_have_a_unit() {
        for (text, want) in [
            ("32", 32 << 30),
            ("32Gi", 32 << 30),
            ("512Mi", 512 << 20),
            ("1Ti", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(want), "{text}");
        }
        for text in ["", "0", "Gi", "1Xi", "-1", "99999999999Ti"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_printed_licence_is_accepted() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let args = LicenseArgs {
            cluster_name: "rs.example.com".into(),
            shards: 10,
            days: 1,
        };
        let license = crate::sim::license_text::parse(&license(&args, now).text).unwrap();
        assert_eq!(license.violation("rs.example.com", now, 10, 0), None);
    }

    #[test]
    fn an_unknown_switch_is_named() {
        assert!(
            read_switches(&["no-such-thing".to_owned()])
                .unwrap_err()
                .contains("no-such-thing")
        );
        assert_eq!(
            read_switches(&["all".to_owned()]),
            Ok(Switches::all_alternative())
        );
    }

    #[test]
    fn nodes_count_up_from_the_first_address() {
        assert_eq!(
            nth_address("127.0.0.11".parse().unwrap(), 2),
            Ok("127.0.0.13".parse().unwrap())
        );
        assert!(nth_address("::1".parse().unwrap(), 1).is_err());
    }
}
