use super::live::LARGE_BODIES;
use super::*;
use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::config::{CertificateOrder, TlsIdentity};
use crate::sim::fault::{Effect, FaultPlan, Rule};
use crate::sim::form::Formation;
use crate::sim::switch::Switches;
use crate::sim::testbed::{self, NAME};
use crate::sim::version::Profile;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::fs;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

mod faults;
#[path = "../../../tests/support/onlooker.rs"]
mod onlooker;

/// A served world of three nodes, formed or not.
struct Served {
    live: Arc<Live>,
    nodes: Vec<SocketAddr>,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn new(formed: bool) -> Self {
        Self::with(formed, Limits::default()).await
    }

    async fn with(formed: bool, limits: Limits) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listeners = Listeners::open(&[any; 3], any).await.unwrap();
        let (nodes, admin) = (listeners.nodes(), listeners.admin());
        let mut config = testbed::config(3, Profile::default(), Switches::all_default());
        for (node, address) in config.nodes.iter_mut().zip(&nodes) {
            node.address = address.ip().to_string();
            node.port = address.port();
        }
        let mut world = World::new(config);
        if formed {
            world
                .form(&Formation::new(NAME, "admin@example.com", "secret"))
                .unwrap();
        }
        let server = Server::new(
            world,
            listeners,
            ServeOptions {
                speed: 1000.0,
                log: LogFormat::Off,
                ca_out: None,
                state_file: None,
                limits,
            },
        );
        let (live, (stop, stopped)) = (server.live(), oneshot::channel());
        let running = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self {
            live,
            nodes,
            admin,
            stop,
            running,
        }
    }

    async fn connect(&self, node: usize) -> tokio_rustls::client::TlsStream<TcpStream> {
        let config = onlooker::config(&[]);
        let stream = TcpStream::connect(self.nodes[node]).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap()
    }

    /// The leaf that a new handshake with the node shows.
    async fn shown(&self, node: usize) -> Vec<u8> {
        self.connect(node).await.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    /// Everything that comes back before the connection ends, and whether it ended in order.
    async fn send(&self, node: usize, method: &str, path: &str, body: &str) -> (String, bool) {
        let mut stream = self.connect(node).await;
        let login = STANDARD.encode("admin@example.com:secret");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {login}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        // The server may have ended the connection before all is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let orderly = stream.read_to_end(&mut answer).await.is_ok();
        (String::from_utf8(answer).unwrap(), orderly)
    }

    fn fault(&self, effect: Effect) {
        let rule = Rule {
            method: None,
            path: None,
            node: None,
            skip: 0,
            count: Some(1),
            effect,
        };
        self.live.world().set_faults(FaultPlan { rules: vec![rule] });
    }
}

fn leaf(identity: &TlsIdentity) -> Vec<u8> {
    CertificateDer::from_pem_slice(identity.chain_pem.as_bytes())
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let served = Served::new(true).await;
    for (path, status) in [
        ("/v1/cluster", 200),
        ("/v1/bdbs/9", 404),
        ("/v1/users/authorize", 405),
    ] {
        let (got, _) = served.send(0, "GET", path, "").await;
        let (head, _) = served.send(0, "HEAD", path, "").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        let (headers, body) = head.split_once("\r\n\r\n").unwrap();
        let length = got
            .lines()
            .find(|line| line.starts_with("content-length: "))
            .unwrap();
        assert!(
            headers.contains(length) && body.is_empty(),
            "{head}, not {length}"
        );
    }
}

#[tokio::test]
async fn fresh_nodes_show_certificates_of_their_own() {
    let served = Served::new(false).await;
    for node in 0..3 {
        let own = leaf(served.live.world().presented(NodeIndex(node)).unwrap());
        assert_eq!(served.shown(node).await, own);
    }
    assert_ne!(served.shown(0).await, served.shown(1).await);
    let (answer, _) = served.send(0, "GET", "/v1/bootstrap", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"idle\""),
        "{answer}"
    );
}

#[tokio::test]
async fn a_new_api_certificate_shows_in_new_handshakes() {
    let served = Served::new(true).await;
    let source = mint::source(testbed::start(), KeyKind::Ecdsa).unwrap();
    let new = source.issue(&CertificateOrder {
        at: jiff::Timestamp::UNIX_EPOCH,
        cluster_name: NAME.into(),
        certificate: "api".into(),
        generation: 9,
    });
    assert_ne!(served.shown(0).await, leaf(&new));
    let entry = json!({"name": "api", "certificate": new.chain_pem, "key": new.key_pem});
    let body = json!({"certificates": [entry]}).to_string();
    let (answer, _) = served.send(0, "PUT", "/v1/cluster/certificates", &body).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for node in 0..3 {
        assert_eq!(served.shown(node).await, leaf(&new));
    }
}

#[tokio::test]
async fn a_crashed_node_answers_nothing_and_a_started_one_does() {
    let served = Served::new(true).await;
    served.live.world().crash(NodeIndex(2));
    let mut stream = TcpStream::connect(served.nodes[2]).await.unwrap();
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    served.live.world().power_on(NodeIndex(2));
    assert!(!served.shown(2).await.is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let served = Served::new(true).await;
    let (answer, _) = served
        .send(0, "PUT", "/v1/cluster", &" ".repeat((10 << 20) + 1))
        .await;
    assert!(
        answer.is_empty()
            || (answer.starts_with("HTTP/1.1 413") && answer.contains("content-type: text/plain")),
        "{answer}"
    );
    let (answer, _) = served.send(0, "GET", "/v1/nodes", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_that_is_cut_short_changes_nothing() {
    let served = Served::new(true).await;
    let requests = served.live.world().log().len();
    let mut stream = served.connect(0).await;
    let head = "PUT /v1/cluster HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n20\r\n{\"handle";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "{answer:?}");
    assert_eq!(served.live.world().log().len(), requests);
}

#[tokio::test]
async fn the_file_of_certificates_follows_what_the_nodes_show() {
    let dir = std::env::temp_dir().join(format!("resim-trust-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("ca.pem");
    let mut world = World::new(testbed::config(1, Profile::default(), Switches::all_default()));
    let options = ServeOptions {
        speed: 1000.0,
        log: LogFormat::Off,
        ca_out: Some(path.clone()),
        state_file: None,
        limits: Limits::default(),
    };
    let live = Live::new(World::clone(&world), options.clone());
    live.write_trust(&live.world());
    let fresh = fs::read_to_string(&path).unwrap();
    assert_eq!(fresh, world.presented(NodeIndex(0)).unwrap().chain_pem);
    world
        .form(&Formation {
            members: 1,
            ..Formation::new(NAME, "admin@example.com", "secret")
        })
        .unwrap();
    let live = Live::new(world, options);
    live.write_trust(&live.world());
    assert_ne!(fs::read_to_string(&path).unwrap(), fresh);
    fs::remove_dir_all(dir).unwrap();
}

/// Limits that a test can wait for.
fn short() -> Limits {
    let soon = Duration::from_millis(100);
    Limits {
        handshake: soon,
        head: soon,
        body: soon,
        ..Limits::default()
    }
}

#[tokio::test]
async fn slow_clients_are_cut_off_in_each_phase_of_a_connection() {
    let served = Served::with(true, short()).await;
    let mut handshaking = TcpStream::connect(served.nodes[0]).await.unwrap();
    handshaking.write_all(&[0x16, 3, 1]).await.unwrap();
    assert!(matches!(handshaking.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    let slow_head = "GET /v1/nodes HTTP/1.1\r\nhost: x\r\n";
    let slow_body = "PUT /v1/cluster HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    for (sent, status) in [("", ""), (slow_head, ""), (slow_body, "HTTP/1.1 408")] {
        let mut stream = served.connect(0).await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(status), "{sent:?}: {answer:?}");
        assert!(!answer.contains(" 200 "), "{sent:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_broken_off() {
    let limits = Limits {
        body: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::with(true, limits).await;
    let mut stream = served.connect(0).await;
    let login = STANDARD.encode("admin@example.com:secret");
    let request = format!("GET /v1/jsonschema HTTP/1.1\r\nhost: x\r\nauthorization: Basic {login}\r\n\r\n");
    // What both kernels hold in between is some megabytes at most.
    let broken = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), broken)
        .await
        .unwrap();
    assert!(!served.shown(0).await.is_empty());
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once_and_room_is_given_back() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let served = Served::with(true, limits).await;
    let held = [served.connect(0).await, served.connect(0).await];
    let mut refused = TcpStream::connect(served.nodes[0]).await.unwrap();
    assert!(matches!(refused.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    let (answer, _) = served.send(1, "GET", "/v1/bootstrap", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200"),
        "each node has its own: {answer}"
    );
    for mut stream in held {
        stream.shutdown().await.unwrap();
        assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn a_body_that_waits_for_its_turn_is_not_slow() {
    let limits = Limits {
        body: Duration::from_millis(500),
        ..Limits::default()
    };
    let served = Served::with(true, limits).await;
    let turns = served
        .live
        .large_bodies
        .acquire_many(u32::try_from(LARGE_BODIES).unwrap());
    let turns = turns.await.unwrap();
    let body = format!("{{}}{}", " ".repeat(1 << 20));
    let sending = served.send(0, "PUT", "/v1/cluster", &body);
    let freeing = async {
        sleep(2 * limits.body).await;
        drop(turns);
    };
    let ((answer, _), ()) = tokio::join!(sending, freeing);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn long_bodies_take_turns_and_all_are_served() {
    let served = Served::new(true).await;
    let body = format!("{{}}{}", " ".repeat(1 << 20));
    let requests = (0..2 * LARGE_BODIES).map(|_| served.send(0, "PUT", "/v1/cluster", &body));
    for (answer, _) in join_all(requests).await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Drives all of them at the same time.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut open: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        open.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if open.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn plain_text_on_a_tls_port_is_dropped() {
    let served = Served::new(true).await;
    let mut stream = TcpStream::connect(served.nodes[0]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}

#[tokio::test]
async fn the_admin_port_answers_and_the_server_ends_when_told() {
    let served = Served::new(true).await;
    let mut stream = TcpStream::connect(served.admin).await.unwrap();
    stream
        .write_all(b"GET /state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let state: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(state["clusters"][0]["nodes"], json!([1, 2, 3]));
    served.stop.send(()).unwrap();
    served.running.await.unwrap();
}
