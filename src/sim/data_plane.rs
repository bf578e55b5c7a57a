//! Real `redis-server` processes behind the databases of a served world: what each shall be, and the processes themselves.
//!
//! A thread of its own follows the world. Every server is steered through a socket in a private folder by a user of its own, so
//! that passwords, memory, eviction and TLS change without a restart, and ends with its database and with this process.

use super::config::TlsIdentity;
use super::resources::bdbs::{Database, Status};
use super::state::{Cluster, Env, Power};
use super::world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What one database's server shall be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    addresses: Vec<String>,
    port: u16,
    /// All valid at once; none for a database that asks for no password.
    passwords: Vec<String>,
    /// Whether clients may come as the default user.
    default_user: bool,
    memory_bytes: u64,
    eviction: String,
    tls: Option<TlsIdentity>,
    /// Certificates that clients must show, PEM; empty for none.
    clients: String,
    replicated: bool,
}

/// The servers that the databases of a world want, by cluster and uid.
pub(crate) fn wanted(world: &World) -> BTreeMap<String, Wanted> {
    let mut all = BTreeMap::new();
    for cluster in world.clusters.values() {
        for database in cluster.databases.iter() {
            let wanted = server(cluster, &world.env, database);
            all.extend(wanted.map(|wanted| (format!("{}-{}", cluster.id.0, database.uid), wanted)));
        }
    }
    all
}

fn server(cluster: &Cluster, env: &Env, database: &Database) -> Option<Wanted> {
    let served = !matches!(
        database.status,
        Status::Pending | Status::CreationFailed | Status::DeletePending
    );
    if !served || database.text("type") == "memcached" || database.flag("traffic_manually_disabled") {
        return None;
    }
    let members = database.bound.iter().filter_map(|uid| cluster.members.get(uid));
    let nodes: Vec<_> = members
        .filter_map(|member| Some((member, env.node(member.host)?)))
        .filter(|(_, node)| node.power == Power::On)
        .collect();
    let (_, first) = nodes.first()?;
    let mut addresses: Vec<String> = nodes.iter().map(|(member, _)| member.addr.clone()).collect();
    addresses.sort();
    addresses.dedup();
    let tls = database.text("tls_mode") == "enabled" || database.flag("ssl");
    let replicated = database.flag("replication");
    let memory = database
        .set
        .get("memory_size")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let clients = database
        .set
        .get("authentication_ssl_client_certs")
        .and_then(Value::as_array);
    let clients = clients
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("client_cert")?.as_str());
    let enforced = database.text("enforce_client_authentication") != "disabled";
    Some(Wanted {
        addresses,
        port: database.port,
        passwords: database.passwords.clone(),
        default_user: database.set.get("default_user") != Some(&Value::Bool(false)),
        memory_bytes: memory / if replicated { 2 } else { 1 },
        // What only the newest servers know is close to what all know.
        eviction: database.text("eviction_policy").replace("-lrm", "-lru"),
        tls: first.installed.get("proxy").filter(|_| tls).cloned(),
        clients: clients.filter(|_| enforced).collect::<Vec<_>>().join("\n"),
        replicated,
    })
}

/// The program.
const PROGRAM: &str = "redis-server";
/// The user by which the servers are steered.
const USER: &str = "resim";
/// Attempts, ten milliseconds apart, to reach a server that has just been started.
const ATTEMPTS: u32 = 500;

/// The running servers. They end when it is dropped.
pub(crate) struct DataPlane {
    folder: PathBuf,
    secret: String,
    servers: BTreeMap<String, Running>,
}

struct Running {
    is: Wanted,
    master: Child,
    replica: Option<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in self.replica.iter_mut().chain([&mut self.master]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.servers.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl DataPlane {
    /// No servers yet; their files go into a private folder.
    ///
    /// # Errors
    /// When there is no `redis-server`, with the way to get it.
    pub(crate) fn new(secret: String) -> Result<Self, String> {
        let found = Command::new(PROGRAM)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!(
                "--data-plane needs {PROGRAM} in PATH; install it: apt-get install {PROGRAM}"
            ));
        }
        let folder = std::env::temp_dir().join(format!("resim-data-{}", std::process::id()));
        let made = fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)));
        made.map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Self {
            folder,
            secret,
            servers: BTreeMap::new(),
        })
    }

    /// Starts, changes and ends servers until they are as wanted. Gives what could not be done.
    pub(crate) fn follow(&mut self, wanted: BTreeMap<String, Wanted>) -> Vec<String> {
        self.servers.retain(|name, _| wanted.contains_key(name));
        let mut failed = Vec::new();
        for (name, wanted) in wanted {
            if let Err(error) = self.serve(&name, wanted) {
                self.servers.remove(&name);
                failed.push(format!("database {name} is not served: {error}"));
            }
        }
        failed
    }

    fn serve(&mut self, name: &str, wanted: Wanted) -> Result<(), String> {
        let same = self.servers.get(name).map(|running| running.is == wanted);
        if same == Some(true) {
            return Ok(());
        }
        let folder = self.folder.join(name);
        let files = Files::write(&folder, &wanted).map_err(|error| error.to_string())?;
        if same.is_none() {
            let master = self.start(&folder, &files.socket)?;
            let running = Running {
                is: wanted.clone(),
                master,
                replica: None,
            };
            self.servers.insert(name.to_owned(), running);
        }
        let secret = self.secret.clone();
        let mut steer = Steer::connect(&files.socket, &secret)?;
        steer.configure(&wanted, &files)?;
        let replica_folder = folder.join("replica");
        let replica = if wanted.replicated && self.servers.get(name).is_some_and(|run| run.replica.is_none())
        {
            let files = Files::write(&replica_folder, &wanted).map_err(|error| error.to_string())?;
            let child = self.start(&replica_folder, &files.socket)?;
            Some(child)
        } else {
            None
        };
        if wanted.replicated {
            let socket = replica_folder.join("socket");
            Steer::connect(&socket, &secret)?.replicate(&wanted, &files, &secret)?;
        }
        if let Some(running) = self.servers.get_mut(name) {
            if !wanted.replicated
                && let Some(mut replica) = running.replica.take()
            {
                let _ = replica.kill();
                let _ = replica.wait();
            }
            running.replica = replica.or(running.replica.take());
            running.is = wanted;
        }
        Ok(())
    }

    /// Starts a server that nobody but us can reach.
    fn start(&self, folder: &Path, socket: &Path) -> Result<Child, String> {
        let config = format!(
            "port 0\nunixsocket {}\nunixsocketperm 700\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\ndir {}\nlogfile {}\nuser {USER} on >{} ~* &* +@all\nuser default off\n",
            socket.display(),
            folder.display(),
            folder.join("log").display(),
            self.secret
        );
        let file = folder.join("redis.conf");
        fs::write(&file, config).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let _ = fs::remove_file(socket);
        // The kernel ends it if this process is killed; the thread that starts it lives as long as this process.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", PROGRAM]).arg(&file);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut plain = Command::new(PROGRAM);
        plain
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = command.spawn().or_else(|_| plain.spawn());
        started.map_err(|error| format!("cannot start {PROGRAM}: {error}"))
    }
}

/// Where a server's files are.
struct Files {
    socket: PathBuf,
    chain: PathBuf,
    key: PathBuf,
    clients: PathBuf,
}

impl Files {
    fn write(folder: &Path, wanted: &Wanted) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let files = Self {
            socket: folder.join("socket"),
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            clients: folder.join("clients.pem"),
        };
        if let Some(tls) = &wanted.tls {
            fs::write(&files.chain, &tls.chain_pem)?;
            fs::write(&files.key, &tls.key_pem)?;
            let clients = if wanted.clients.is_empty() {
                &tls.chain_pem
            } else {
                &wanted.clients
            };
            fs::write(&files.clients, clients)?;
        }
        Ok(files)
    }
}

/// A conversation with a server.
struct Steer {
    stream: BufReader<UnixStream>,
}

impl Steer {
    fn connect(socket: &Path, secret: &str) -> Result<Self, String> {
        for _ in 0..ATTEMPTS {
            if let Ok(stream) = UnixStream::connect(socket) {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut steer = Self {
                    stream: BufReader::new(stream),
                };
                steer.ask(&["AUTH", USER, secret])?;
                return Ok(steer);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{PROGRAM} does not answer"))
    }

    /// Sends a command that answers with a status.
    fn ask(&mut self, words: &[&str]) -> Result<(), String> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let verb = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let failed = |error: std::io::Error| format!("{verb}: {error}");
        self.stream.get_mut().write_all(text.as_bytes()).map_err(failed)?;
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(failed)?;
        if line.starts_with('+') {
            Ok(())
        } else {
            // The words may hold a secret; the answer does not repeat them.
            Err(format!(
                "{} refuses {}: {}",
                PROGRAM,
                words.first().unwrap_or(&""),
                line.trim()
            ))
        }
    }

    fn configure(&mut self, wanted: &Wanted, files: &Files) -> Result<(), String> {
        let mut user = vec![
            "ACL".to_owned(),
            "SETUSER".to_owned(),
            "default".to_owned(),
            "reset".to_owned(),
        ];
        if wanted.default_user {
            user.extend(["on", "~*", "&*", "+@all"].map(str::to_owned));
        }
        if wanted.passwords.is_empty() {
            user.push("nopass".to_owned());
        }
        user.extend(wanted.passwords.iter().map(|password| format!(">{password}")));
        self.ask(&user.iter().map(String::as_str).collect::<Vec<_>>())?;
        let memory = wanted.memory_bytes.to_string();
        self.ask(&["CONFIG", "SET", "maxmemory", &memory])?;
        self.ask(&["CONFIG", "SET", "maxmemory-policy", &wanted.eviction])?;
        self.ask(&["CONFIG", "SET", "bind", &wanted.addresses.join(" ")])?;
        let port = wanted.port.to_string();
        let path = |path: &Path| path.display().to_string();
        if wanted.tls.is_some() {
            let (chain, key, clients) = (path(&files.chain), path(&files.key), path(&files.clients));
            let auth = if wanted.clients.is_empty() { "no" } else { "yes" };
            self.ask(&["CONFIG", "SET", "port", "0"])?;
            self.ask(&[
                "CONFIG",
                "SET",
                "tls-cert-file",
                &chain,
                "tls-key-file",
                &key,
                "tls-ca-cert-file",
                &clients,
                "tls-auth-clients",
                auth,
                "tls-port",
                &port,
            ])
        } else {
            self.ask(&["CONFIG", "SET", "tls-port", "0"])?;
            self.ask(&["CONFIG", "SET", "port", &port])
        }
    }

    /// Lets this server copy the one that clients talk to.
    fn replicate(&mut self, wanted: &Wanted, files: &Files, secret: &str) -> Result<(), String> {
        let path = |path: &Path| path.display().to_string();
        let (chain, key) = (path(&files.chain), path(&files.key));
        if wanted.tls.is_some() {
            self.ask(&[
                "CONFIG",
                "SET",
                "tls-cert-file",
                &chain,
                "tls-key-file",
                &key,
                "tls-ca-cert-file",
                &chain,
            ])?;
        }
        self.ask(&[
            "CONFIG",
            "SET",
            "tls-replication",
            if wanted.tls.is_some() { "yes" } else { "no" },
        ])?;
        self.ask(&["CONFIG", "SET", "masteruser", USER, "masterauth", secret])?;
        let first = wanted.addresses.first().map_or("127.0.0.1", String::as_str);
        self.ask(&["REPLICAOF", first, &wanted.port.to_string()])
    }
}
