//! HTTP over TLS by hand, so that broken requests can be sent as well.

use crate::onlooker;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A server that does not answer for so long hangs. Long bodies take turns, which on a busy machine is a wait of its own.
const HANGS: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// 0 when the connection ended without an answer.
    pub status: u16,
    /// Whether it says that the connection ends with it.
    pub closes: bool,
    pub body: String,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or(0),
            closes: head.lines().any(|line| line == "connection: close"),
            body: body.to_owned(),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A connection whose reads and writes fail after a minute.
pub fn tcp(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    stream.set_write_timeout(Some(HANGS)).unwrap();
    stream
}

/// A TLS connection that offers these application protocols; the handshake happens with the first use.
pub fn tls(address: &str, protocols: &[&str]) -> Tls {
    over(address, onlooker::config(protocols))
}

/// A TLS connection that has greeted; none if it ends before.
pub fn try_tls(address: &str) -> Option<Tls> {
    let mut stream = tls(address, &[]);
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream)
}

/// A TLS connection that shows this certificate, PEM, with its key.
pub fn tls_as(address: &str, certificate: &str, key: &str) -> Tls {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let trusting = onlooker::trusting(rustls::DEFAULT_VERSIONS);
    over(
        address,
        trusting.with_client_auth_cert(vec![certificate], key).unwrap(),
    )
}

/// A TLS connection that speaks version 1.2 only.
pub fn tls_1_2(address: &str) -> Tls {
    over(
        address,
        onlooker::trusting(&[&rustls::version::TLS12]).with_no_client_auth(),
    )
}

fn over(address: &str, config: ClientConfig) -> Tls {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, tcp(address))
}

/// Everything that comes until the end of the connection. Fails when nothing comes for too long.
#[track_caller]
pub fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let hangs = matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        );
        assert!(
            !hangs,
            "the server hangs after {:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    answer
}

/// Sends one request and reads until the connection ends.
#[track_caller]
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    login: Option<(&str, &str)>,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    if let Some((user, password)) = login {
        let word = STANDARD.encode(format!("{user}:{password}"));
        head.push_str(&format!("authorization: Basic {word}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    send_raw(address, &bytes)
}

/// Sends these bytes over TLS and reads until the connection ends.
#[track_caller]
pub fn send_raw(address: &str, bytes: &[u8]) -> Reply {
    send_over(tls(address, &["http/1.1"]), bytes)
}

/// Sends these bytes and reads until the connection ends.
#[track_caller]
pub fn send_over(mut stream: impl Read + Write, bytes: &[u8]) -> Reply {
    // The server may end the connection before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.flush();
    Reply::parse(&read_to_end(&mut stream))
}

/// Sends one request without TLS.
#[track_caller]
pub fn send_plain(address: &str, method: &str, path: &str, body: &str) -> Reply {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    send_over(tcp(address), request.as_bytes())
}

/// A user's requests one after the other over one TLS connection.
pub struct KeptAlive {
    stream: BufReader<Tls>,
    login: String,
}

impl KeptAlive {
    pub fn new(address: &str, (user, password): (&str, &str)) -> Self {
        Self {
            stream: BufReader::new(tls(address, &["http/1.1"])),
            login: STANDARD.encode(format!("{user}:{password}")),
        }
    }

    /// Sends one request and reads its answer, not more.
    #[track_caller]
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Reply {
        let (login, length) = (&self.login, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {login}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).unwrap();
        stream.flush().unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(
                self.stream.read_until(b'\n', &mut answer).unwrap() > 0,
                "it ended"
            );
        }
        let head = String::from_utf8_lossy(&answer);
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let begin = answer.len();
        answer.resize(begin + length.unwrap().parse::<usize>().unwrap(), 0);
        self.stream.read_exact(&mut answer[begin..]).unwrap();
        Reply::parse(&answer)
    }
}
