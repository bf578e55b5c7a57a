//! The way from replicas to their masters: a door on loopback that leads to the socket of whoever is master now.
//!
//! Replication thus needs nothing of the doors that clients come through: not their port, not their TLS, not their certificates.

use super::process::Stopping;
use super::steer::USER;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Sockets of the masters, by the secret with which their replicas come.
type Masters = Arc<Mutex<BTreeMap<String, PathBuf>>>;

/// Time to show that one is a replica.
const GREETS: Duration = Duration::from_secs(5);
/// What a replica says first.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
/// Characters of a secret.
pub(super) const SECRET: usize = 64;

pub(super) struct Relay {
    pub(super) address: SocketAddr,
    masters: Masters,
    stopping: Stopping,
    accepting: Option<JoinHandle<()>>,
}

impl Relay {
    pub(super) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (masters, stopping) = (Masters::default(), Stopping::default());
        let accepting = {
            let (masters, stopping) = (masters.clone(), stopping.clone());
            thread::spawn(move || accept(&listener, &masters, &stopping))
        };
        Ok(Self {
            address,
            masters,
            stopping,
            accepting: Some(accepting),
        })
    }

    /// Leads replicas with this secret to that socket from now on.
    pub(super) fn lead(&self, secret: &str, socket: PathBuf) {
        lock(&self.masters).insert(secret.to_owned(), socket);
    }

    /// Forgets the masters of all other secrets.
    pub(super) fn keep(&self, known: impl Fn(&str) -> bool) {
        lock(&self.masters).retain(|secret, _| known(secret));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stopping.stop();
        // Wakes the thread that waits for somebody to come.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn lock(masters: &Masters) -> std::sync::MutexGuard<'_, BTreeMap<String, PathBuf>> {
    masters.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, masters: &Masters, stopping: &Stopping) {
    for stream in listener.incoming() {
        if stopping.now() {
            return;
        }
        match stream {
            Ok(replica) => {
                let masters = masters.clone();
                thread::spawn(move || guide(replica, &masters));
            }
            // Out of file descriptors, mostly.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Leads one replica to its master. Who does not come as a replica is shown out.
fn guide(mut replica: TcpStream, masters: &Masters) -> io::Result<()> {
    replica.set_read_timeout(Some(GREETS))?;
    let mut ping = [0; PING.len()];
    replica.read_exact(&mut ping)?;
    if ping != PING {
        return Ok(());
    }
    replica.write_all(b"+PONG\r\n")?;
    let before = format!("*3\r\n$4\r\nAUTH\r\n${}\r\n{USER}\r\n${SECRET}\r\n", USER.len());
    let mut login = vec![0; before.len() + SECRET + "\r\n".len()];
    replica.read_exact(&mut login)?;
    let text = String::from_utf8_lossy(&login).into_owned();
    let secret = text.strip_prefix(&before).unwrap_or_default().trim_end();
    let Some(socket) = lock(masters).get(secret).cloned() else {
        return Ok(());
    };
    let mut master = UnixStream::connect(socket)?;
    master.write_all(&login)?;
    replica.set_read_timeout(None)?;
    let (mut from_replica, mut to_master) = (replica.try_clone()?, master.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut from_replica, &mut to_master);
        let _ = to_master.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut master, &mut replica);
    let _ = replica.shutdown(Shutdown::Both);
    let _ = there.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn login(secret: &str) -> Vec<u8> {
        format!("*3\r\n$4\r\nAUTH\r\n$5\r\n{USER}\r\n${SECRET}\r\n{secret}\r\n").into_bytes()
    }

    #[test]
    fn a_replica_reaches_its_master_and_nobody_else_does() {
        let folder = std::env::temp_dir().join(format!("resim-relay-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("socket");
        let master = UnixListener::bind(&socket).unwrap();
        let relay = Relay::open().unwrap();
        let secret = "a".repeat(SECRET);
        relay.lead(&secret, socket);
        for stranger in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            [PING, &login(&"b".repeat(SECRET))].concat(),
        ] {
            let mut stream = TcpStream::connect(relay.address).unwrap();
            stream.write_all(&stranger).unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.is_empty() || answer == b"+PONG\r\n", "{answer:?}");
        }
        let mut stream = TcpStream::connect(relay.address).unwrap();
        stream
            .write_all(&[PING, &login(&secret), b"more"].concat())
            .unwrap();
        let (mut there, _) = master.accept().unwrap();
        let mut seen = vec![0; login(&secret).len() + 4];
        there.read_exact(&mut seen).unwrap();
        assert_eq!(seen, [login(&secret), b"more".to_vec()].concat());
        there.write_all(b"+OK\r\n").unwrap();
        drop(there);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"+PONG\r\n+OK\r\n");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
