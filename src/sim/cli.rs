//! The command `resim`: flags, a world made from them, what is printed and written when it serves.

mod make;
mod run;
mod told;

use super::bugs::BUGS;
use super::config::LOG_CAPACITY;
use super::fault::{EFFECTS, Rule};
use super::fidelity;
use super::license_text::License;
use super::serve::wall_clock;
use super::switch::SWITCHES;
use super::version::Profile;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use run::run;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

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

const WORLD: &str = "World";
const ADDRESSES: &str = "Addresses";
const FAULTS: &str = "What goes wrong";
const FILES: &str = "Files";
const REPORTS: &str = "Reports";

#[derive(Clone, Debug, Args)]
struct ServeArgs {
    /// Number of nodes.
    #[arg(long, help_heading = WORLD, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=35))]
    nodes: u8,
    /// Version to stand for: 7.4, 7.8, 7.22, 8.0 or 8.2.
    #[arg(long, help_heading = WORLD, value_name = "VERSION", default_value = "8.2")]
    profile: Profile,
    /// Begin with a cluster of this name that all nodes have joined, instead of with fresh nodes.
    #[arg(long, help_heading = WORLD, value_name = "FQDN")]
    cluster: Option<String>,
    /// Administrator of that cluster; for fresh nodes, the one that the printed example makes.
    #[arg(long, help_heading = WORLD, value_name = "NAME", default_value = "admin@example.com")]
    username: String,
    /// The administrator's password.
    #[arg(long, help_heading = WORLD, value_name = "TEXT", default_value = "resim-admin")]
    password: String,
    /// Shards that the licence of that cluster allows, instead of the trial's four.
    #[arg(long, help_heading = WORLD, value_name = "N", requires = "cluster")]
    license_shards: Option<u64>,
    /// Shards that each node of that cluster may hold.
    #[arg(long, help_heading = WORLD, value_name = "N", default_value_t = 100, requires = "cluster")]
    node_shards: u64,
    /// Database endpoints that each node of that cluster may serve.
    #[arg(long, help_heading = WORLD, value_name = "N", default_value_t = 100, requires = "cluster")]
    node_listeners: u64,
    /// Address of the first node; the others follow it, or share it with --one-address.
    #[arg(long, help_heading = ADDRESSES, value_name = "ADDRESS", default_value = "127.0.0.11")]
    bind: IpAddr,
    /// Port of every node; 0 takes free ones.
    #[arg(long, help_heading = ADDRESSES, value_name = "PORT", default_value_t = 9443)]
    port: u16,
    /// Serve the API over plain HTTP as well, on this port of every node, while the cluster has http_support on; 0 takes free
    /// ones.
    #[arg(long, help_heading = ADDRESSES, value_name = "PORT")]
    http_port: Option<u16>,
    /// All nodes share one address and take ports one after the other.
    #[arg(long, help_heading = ADDRESSES)]
    one_address: bool,
    /// Port for admin requests (request log, faults, power) on 127.0.0.1, plain HTTP; 0 takes a free one.
    #[arg(long, help_heading = ADDRESSES, value_name = "PORT", default_value_t = 0)]
    admin_port: u16,
    /// Simulated seconds per second.
    #[arg(long, help_heading = WORLD, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Memory of each node: GiB, or with a unit, as 512Mi.
    #[arg(long, help_heading = WORLD, value_name = "SIZE", default_value = "32", value_parser = parse_size)]
    node_memory: u64,
    /// Flash of each node: GiB, or with a unit; none if absent. The nodes of --cluster have it enabled for databases.
    #[arg(long, help_heading = WORLD, value_name = "SIZE", value_parser = parse_size)]
    node_flash: Option<u64>,
    /// Ids and choices that look random follow from it.
    #[arg(long, help_heading = WORLD, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Certificates with RSA 4096 keys, as the product makes them, instead of ECDSA. Takes some seconds.
    #[arg(long, help_heading = WORLD)]
    rsa: bool,
    /// What shall go wrong, and when: `METHOD PATH node=N skip=N count=N EFFECT`, all but the effect optional, as
    /// `POST /v1/bdbs count=1 lost_reply`. Can be given several times; the first rule that matches a request acts on it.
    #[arg(long, help_heading = FAULTS, value_name = "RULE")]
    fault: Vec<Rule>,
    /// JSON file with a fault plan: {"rules": [{"method": ..., "path": ..., "node": ..., "skip": ..., "count": ..., "effect": ...}]}.
    #[arg(long, help_heading = FAULTS, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Print what can go wrong and end.
    #[arg(long, help_heading = FAULTS)]
    list_faults: bool,
    /// Documented doubts to take the other way, separated by commas, or `all`.
    #[arg(long, help_heading = WORLD, value_name = "NAMES", value_delimiter = ',')]
    switches: Vec<String>,
    /// Print the documented doubts and end.
    #[arg(long, help_heading = WORLD)]
    list_switches: bool,
    /// Admitted defects to have, separated by commas, `all` or `none`, instead of those of the build.
    #[arg(long, help_heading = WORLD, value_name = "NAMES", value_delimiter = ',')]
    bugs: Vec<String>,
    /// Print the admitted defects and the builds that have them, and end.
    #[arg(long, help_heading = WORLD)]
    list_bugs: bool,
    /// Tag key that names the owner of a database; two databases with one owner break an invariant.
    #[arg(long, help_heading = WORLD, value_name = "KEY")]
    ownership_tag: Option<String>,
    /// Write this JSON file when the nodes serve: addresses, certificates, credentials, admin port, pid.
    #[arg(long, help_heading = FILES, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep in this file the certificates that the nodes show, for clients to trust.
    #[arg(long, help_heading = FILES, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Keep the world in this file across restarts, with its secrets. If the file is there, the world in it goes on, at the same
    /// addresses; flags that describe a new world are then not needed.
    #[arg(long, help_heading = FILES, value_name = "FILE")]
    state_file: Option<PathBuf>,
    /// Serve every active database by a real redis-server on its endpoint's port.
    #[arg(long, help_heading = WORLD)]
    data_plane: bool,
    /// How requests are reported on standard error.
    #[arg(long, help_heading = REPORTS, value_enum, default_value_t = Log::Text)]
    log: Log,
    /// Requests that the admin port's log keeps at least; older ones are forgotten, their numbers are not given again.
    #[arg(long, help_heading = REPORTS, value_name = "N", default_value_t = LOG_CAPACITY)]
    log_capacity: usize,
    /// End with status 3 if a request broke an invariant.
    #[arg(long, help_heading = REPORTS)]
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
        None if cli.serve.list_faults => {
            print!("{}", faults_text());
            Ok(ExitCode::SUCCESS)
        }
        None if cli.serve.list_switches => {
            print!("{}", switches_text());
            Ok(ExitCode::SUCCESS)
        }
        None if cli.serve.list_bugs => {
            print!("{}", bugs_text());
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

fn bugs_text() -> String {
    let mut text = String::new();
    for row in BUGS {
        let (name, effect, builds, source) = (row.name, row.effect, row.builds(), row.source);
        let _ = writeln!(
            text,
            "{name}\n    effect   {effect}\n    builds   {builds}\n    source   {source}"
        );
    }
    text
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

fn faults_text() -> String {
    let mut text = "A rule says which requests, and what happens to them:\n\n    \
         METHOD PATH node=N skip=N count=N EFFECT\n\nMETHOD   as GET; any if absent\n\
         PATH     with * for any run of characters; any if absent\n\
         node=N   at that node only, counted from 0\n\
         skip=N   let so many matching requests pass first\n\
         count=N  act on so many after that; on all if absent\n\n\
         In JSON, for --faults and the admin port: {\"rules\": [{\"method\": \"POST\", \"path\": \"/v1/bdbs\", \"count\": 1,\n\
         \"effect\": \"lost_reply\"}]}; effects with a value are objects: {\"delay_ms\": 500}.\n\n"
        .to_owned();
    for (effect, meaning) in EFFECTS {
        let _ = writeln!(text, "{effect}\n    {meaning}");
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
}
