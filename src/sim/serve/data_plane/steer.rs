//! A conversation with one server, in its own protocol, through its socket.

use super::process::{Files, Stopping};
use super::wanted::{Persistence, Tls, Wanted};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The user by which the servers are steered.
pub(super) const USER: &str = "resim";
/// How long a server may take to answer after it was started.
const STARTS: Duration = Duration::from_secs(5);
/// How long a replica may take to have everything.
const SYNCHRONISES: Duration = Duration::from_secs(3);

/// Commands that the product keeps from the clients of a database, and those by which they could take its server away.
const WITHHELD: &str = "-acl|deluser -acl|genpass -acl|load -acl|log -acl|save -acl|setuser -bgrewriteaof -bgsave \
                        -config|resetstat -debug -failover -migrate -module -psync -replconf -replicaof -save \
                        -shutdown -slaveof -swapdb -sync";

pub(super) struct Steer<'a> {
    stream: BufReader<UnixStream>,
    stopping: &'a Stopping,
}

impl<'a> Steer<'a> {
    /// Talks to the server behind `socket`, as soon as it is ready.
    pub(super) fn connect(socket: &Path, secret: &str, stopping: &'a Stopping) -> Result<Self, String> {
        let began = Instant::now();
        loop {
            let ready = UnixStream::connect(socket)
                .map_err(|_| "redis-server does not answer".to_owned())
                .and_then(|stream| Self::greet(stream, secret, stopping));
            if ready.is_ok() || stopping.now() || began.elapsed() > STARTS {
                return ready;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// PING is refused while the server loads what an earlier process left.
    fn greet(stream: UnixStream, secret: &str, stopping: &'a Stopping) -> Result<Self, String> {
        let _ = stream.set_read_timeout(Some(STARTS));
        let mut steer = Self {
            stream: BufReader::new(stream),
            stopping,
        };
        steer.ask(&["AUTH", USER, secret])?;
        steer.ask(&["PING"])?;
        Ok(steer)
    }

    /// Sends a command that answers with one line, and gives that line without its first character.
    fn ask(&mut self, words: &[&str]) -> Result<String, String> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        // The words may hold a secret; the answer does not repeat them.
        let verb = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let verb = if words.first() == Some(&"AUTH") {
            "AUTH"
        } else {
            &verb
        };
        let failed = |error: std::io::Error| format!("{verb}: {error}");
        self.stream.get_mut().write_all(text.as_bytes()).map_err(failed)?;
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(failed)?;
        let line = line.trim_end();
        match line.strip_prefix(['+', ':']) {
            Some(rest) => Ok(rest.to_owned()),
            None => Err(format!("redis-server refuses {verb}: {line}")),
        }
    }

    fn set(&mut self, pairs: &[&str]) -> Result<(), String> {
        self.ask(&[&["CONFIG", "SET"], pairs].concat()).map(drop)
    }

    /// All that a master and its replica have in common: who may come, and how much they hold.
    pub(super) fn configure(&mut self, wanted: &Wanted) -> Result<(), String> {
        let mut user: Vec<String> = ["ACL", "SETUSER", "default", "reset"].map(str::to_owned).into();
        if wanted.default_user {
            user.extend(["on", "~*", "&*", "+@all"].map(str::to_owned));
            user.extend(WITHHELD.split_whitespace().map(str::to_owned));
        }
        if wanted.passwords.is_empty() {
            user.push("nopass".to_owned());
        }
        user.extend(wanted.passwords.iter().map(|password| format!(">{password}")));
        self.ask(&user.iter().map(String::as_str).collect::<Vec<_>>())?;
        let memory = wanted.memory_bytes.to_string();
        self.set(&["maxmemory", &memory, "maxmemory-policy", &wanted.eviction])?;
        self.persist(&wanted.persistence)
    }

    fn persist(&mut self, persistence: &Persistence) -> Result<(), String> {
        let (append, when, snapshots) = match persistence {
            Persistence::Nothing => ("no", "everysec", String::new()),
            Persistence::Commands { always } => {
                ("yes", if *always { "always" } else { "everysec" }, String::new())
            }
            Persistence::Snapshots(rules) => {
                let rules: Vec<String> = rules
                    .iter()
                    .map(|(secs, writes)| format!("{} {}", (*secs).max(1), (*writes).max(1)))
                    .collect();
                ("no", "everysec", rules.join(" "))
            }
        };
        self.set(&["appendfsync", when, "save", &snapshots])?;
        self.set(&["appendonly", append])
    }

    /// Opens the doors that clients come through, and closes all others.
    pub(super) fn listen(&mut self, wanted: &Wanted, files: &Files) -> Result<(), String> {
        if wanted.addresses.is_empty() {
            return self.close();
        }
        let (addresses, port) = (wanted.addresses.join(" "), wanted.port.to_string());
        match &wanted.tls {
            Some(tls) => {
                self.set(&["port", "0"])?;
                self.present(tls, files)?;
                self.set(&["bind", &addresses])?;
                self.set(&["tls-port", &port])
            }
            None => {
                self.set(&["tls-port", "0"])?;
                self.set(&["bind", &addresses])?;
                self.set(&["port", &port])
            }
        }
    }

    fn present(&mut self, tls: &Tls, files: &Files) -> Result<(), String> {
        let path = |path: &Path| path.display().to_string();
        let (chain, key, clients) = (path(&files.chain), path(&files.key), path(&files.clients));
        self.set(&[
            "tls-cert-file",
            &chain,
            "tls-key-file",
            &key,
            "tls-ca-cert-file",
            &clients,
            "tls-auth-clients",
            if tls.clients.is_empty() { "no" } else { "yes" },
            "tls-protocols",
            tls.protocols,
            // Who resumed a session would skip the certificate of its time.
            "tls-session-caching",
            "no",
        ])
    }

    /// Sends clients away and lets no new ones come.
    pub(super) fn close(&mut self) -> Result<(), String> {
        self.set(&["port", "0"])?;
        self.set(&["tls-port", "0"])?;
        self.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            .map(drop)
    }

    /// Lets this server copy the one behind the relay.
    pub(super) fn replicate(&mut self, relay: SocketAddr, secret: &str) -> Result<(), String> {
        self.set(&["masteruser", USER, "masterauth", secret])?;
        let (host, port) = (relay.ip().to_string(), relay.port().to_string());
        self.ask(&["REPLICAOF", &host, &port]).map(drop)
    }

    /// Makes this server the one that others copy.
    pub(super) fn lead(&mut self) -> Result<(), String> {
        self.ask(&["REPLICAOF", "NO", "ONE"]).map(drop)
    }

    pub(super) fn flush(&mut self) -> Result<(), String> {
        self.ask(&["FLUSHALL", "SYNC"]).map(drop)
    }

    /// Waits until a replica has everything that this server has now.
    pub(super) fn copied(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < SYNCHRONISES && !self.stopping.now() {
            // WAIT waits for what was there when this connection sent its last command.
            self.ask(&["PING"])?;
            if self.ask(&["WAIT", "1", "50"])? != "0" {
                return Ok(());
            }
        }
        Err("its replica does not get in sync".to_owned())
    }
}
