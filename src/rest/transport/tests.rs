use super::*;
use crate::rest::model::SpkiPin;
use rcgen::CertificateParams;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use std::collections::BTreeSet;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A node on loopback that reads requests and gives each the same answer.
struct Node {
    port: u16,
    pin: SpkiPin,
    /// For each connection: `None` when its handshake failed, else what came over it.
    seen: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
}

impl Node {
    async fn answering(answer: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["node-1".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let presented = Presented::read(vec![certificate.der().clone()]).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            answer,
            seen.clone(),
        ));
        Self {
            port,
            pin: presented.spki_pin(),
            seen,
        }
    }

    fn seen(&self) -> Vec<Option<String>> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|seen| seen.as_ref().map(text))
            .collect()
    }

    fn trust(&self) -> Trust {
        Trust::Pinned(BTreeSet::from([self.pin]))
    }

    fn get(&self, trust: Trust) -> Request<Bytes> {
        let uri = format!("https://127.0.0.1:{}/v1/cluster", self.port);
        let request = Request::builder()
            .uri(uri)
            .header("authorization", "Basic Y2FuYXJ5")
            .header("accept", "*/*");
        request
            .extension(trust)
            .extension(AnswerLimit(16))
            .body(Bytes::new())
            .unwrap()
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    answer: &'static str,
    seen: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let place = seen.lock().unwrap().len();
        seen.lock().unwrap().push(None);
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        tokio::spawn(async move {
            let mut stream = acceptor.accept(stream).await?;
            seen.lock().unwrap()[place] = Some(Vec::new());
            let mut request = [0; 4096];
            loop {
                let length = stream.read(&mut request).await?;
                if length == 0 {
                    return stream.shutdown().await;
                }
                seen.lock().unwrap()[place]
                    .as_mut()
                    .unwrap()
                    .extend_from_slice(&request[..length]);
                stream.write_all(answer.as_bytes()).await?;
                if answer.contains("connection: close") {
                    return stream.shutdown().await;
                }
            }
        });
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn a_trusted_node_answers() {
    let node = Node::answering(OK).await;
    let answer = over_tls().oneshot(node.get(node.trust())).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
    let seen = node.seen()[0].clone().unwrap();
    assert!(seen.starts_with("GET /v1/cluster HTTP/1.1\r\n"), "{seen}");
}

#[tokio::test]
async fn the_transport_adds_no_header_but_host() {
    let node = Node::answering(OK).await;
    over_tls().oneshot(node.get(node.trust())).await.unwrap();
    let seen = node.seen()[0].clone().unwrap();
    let mut names: Vec<&str> = seen
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "host"]);
}

#[tokio::test]
async fn no_byte_of_http_reaches_a_node_that_is_not_trusted() {
    let node = Node::answering(OK).await;
    let error = over_tls()
        .oneshot(node.get(Trust::Pinned(BTreeSet::new())))
        .await
        .unwrap_err();
    assert!(
        matches!(error, TransportError::Untrusted(Mistrust::Pin { .. })),
        "{error:?}"
    );
    // A second node, trusted, answers after the first was refused: whatever was sent has arrived by then.
    let trusted = over_tls().oneshot(node.get(node.trust())).await;
    assert!(trusted.is_ok());
    let refused = node.seen()[0].clone().unwrap_or_default();
    assert_eq!(refused, "", "nothing came over the refused connection");
}

#[tokio::test]
async fn without_a_trust_nothing_is_dialled() {
    let node = Node::answering(OK).await;
    let mut request = node.get(node.trust());
    request.extensions_mut().remove::<Trust>();
    let error = over_tls().oneshot(request).await.unwrap_err();
    assert!(matches!(error, TransportError::Unsendable(_)), "{error:?}");
    assert_eq!(node.seen().len(), 0);
}

#[tokio::test]
async fn plain_http_is_never_spoken() {
    let node = Node::answering(OK).await;
    let mut request = node.get(node.trust());
    *request.uri_mut() = format!("http://127.0.0.1:{}/v1/cluster", node.port)
        .parse()
        .unwrap();
    over_tls().oneshot(request).await.unwrap_err();
    assert_eq!(node.seen().len(), 0);
}

#[tokio::test]
async fn connect_shows_the_certificate_and_sends_nothing() {
    let node = Node::answering(OK).await;
    let uri = format!("127.0.0.1:{}", node.port);
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(uri)
        .body(Bytes::new())
        .unwrap();
    let answer = over_tls().oneshot(request).await.unwrap();
    let presented = answer.extensions().get::<Presented>().unwrap();
    assert_eq!(presented.spki_pin(), node.pin);
    assert!(presented.self_signed() && presented.names("node-1"));
    over_tls().oneshot(node.get(node.trust())).await.unwrap();
    assert_eq!(node.seen()[0].clone().unwrap_or_default(), "");
}

#[tokio::test]
async fn connections_are_kept_for_one_trust_and_not_for_another() {
    let node = Node::answering(OK).await;
    let transport = over_tls();
    let other = Trust::Pinned(BTreeSet::from([node.pin, SpkiPin::of(b"other")]));
    for trust in [node.trust(), node.trust(), other.clone(), other, node.trust()] {
        transport.clone().oneshot(node.get(trust)).await.unwrap();
    }
    assert_eq!(node.seen().len(), 2);
}

#[tokio::test]
async fn a_trust_that_is_no_longer_given_does_not_reuse_connections_of_one_that_was() {
    let node = Node::answering(OK).await;
    let transport = over_tls();
    transport.clone().oneshot(node.get(node.trust())).await.unwrap();
    let error = transport
        .oneshot(node.get(Trust::Pinned(BTreeSet::from([SpkiPin::of(b"other")]))))
        .await
        .unwrap_err();
    assert!(
        matches!(error, TransportError::Untrusted(Mistrust::Pin { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_are_handed_back() {
    let node =
        Node::answering("HTTP/1.1 307 x\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let answer = over_tls().oneshot(node.get(node.trust())).await.unwrap();
    assert_eq!(answer.status().as_u16(), 307);
    assert_eq!(answer.headers()["location"], "https://127.0.0.1:1/");
}

#[tokio::test]
async fn bad_answers_are_told_from_no_answer() {
    let cases = [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"0123456789\": 1}",
            TransportError::TooLarge,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{}",
            TransportError::Lost(String::new()),
        ),
        ("connection: close", TransportError::Lost(String::new())),
    ];
    for (answer, expected) in cases {
        let node = Node::answering(answer).await;
        let error = over_tls().oneshot(node.get(node.trust())).await.unwrap_err();
        assert_eq!(
            std::mem::discriminant(&error),
            std::mem::discriminant(&expected),
            "{answer}: {error:?}"
        );
        assert_eq!(node.seen().len(), 1, "nothing is retried");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_tls_there_are_told_apart() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut node = Node::answering(OK).await;
    node.port = listener.local_addr().unwrap().port();
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
        String::from_utf8_lossy(&rest).into_owned()
    };
    let (answer, heard) = tokio::join!(over_tls().oneshot(node.get(node.trust())), plain);
    let error = answer.unwrap_err();
    assert!(
        matches!(error, TransportError::Untrusted(Mistrust::Handshake(_))),
        "{error:?}"
    );
    assert!(!heard.contains("Y2FuYXJ5"));
    drop(listener);
    let error = over_tls().oneshot(node.get(node.trust())).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
}
