use super::*;
use crate::rest::transport::mistrust;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::SupportedProtocolVersion;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::version::TLS12;
use rustls::version::TLS13;
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;

const CLUSTER: &str = "prod.example.com";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params
}

fn issuer(name: &str) -> Issuer {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.extended_key_usages.clear();
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What a node shows, and the key that it signs with.
#[derive(Debug)]
struct Node {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Node {
    fn self_signed() -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            chain: vec![params("node-1").self_signed(&key).unwrap().der().clone()],
            key,
        }
    }

    fn signed_by(issuer: &Issuer, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            chain: vec![params.signed_by(&key, issuer).unwrap().der().clone()],
            key,
        }
    }

    fn pin(&self) -> SpkiPin {
        CertificateFacts::read(&self.chain[0]).unwrap().pin
    }
}

/// Serves a chain whether or not the key belongs to it.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn server(node: &Node, version: &'static SupportedProtocolVersion) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_slice(node.key.serialize_pem().as_bytes()).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(CertifiedKey::new(
            node.chain.clone(),
            key,
        )))))
}

/// Dials 10.0.0.11, as clients do: by address.
async fn shake(
    node: &Node,
    version: &'static SupportedProtocolVersion,
    config: ClientConfig,
) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(Arc::new(server(node, version)));
    let connector = TlsConnector::from(Arc::new(config));
    let dialled = ServerName::try_from("10.0.0.11").unwrap();
    let (_, connected) = tokio::join!(acceptor.accept(far), connector.connect(dialled, near));
    connected
        .map(drop)
        .map_err(|error| mistrust(&error).unwrap().to_string())
}

/// Both TLS versions must come to the same result.
async fn check(node: &Node, trust: Trust, refused: Option<&str>) {
    for version in [&TLS12, &TLS13] {
        let result = shake(node, version, verified(trust.clone()).unwrap()).await;
        match (&result, refused) {
            (Ok(()), None) => {}
            (Err(error), Some(words)) if error.contains(words) => {}
            _ => panic!("{:?}: {result:?}, expected {refused:?}", version.version),
        }
    }
}

fn pinned(pin: SpkiPin) -> Trust {
    Trust::Pinned(BTreeSet::from([pin]))
}

fn member(authority: Option<&Issuer>, pins: &[SpkiPin]) -> Trust {
    Trust::Member {
        cluster_name: CLUSTER.to_owned(),
        authority: authority.map(|issuer| Authority::read_pem(issuer.pem().as_bytes()).unwrap()),
        pins: pins.iter().copied().collect(),
    }
}

#[tokio::test]
async fn a_pinned_node_is_trusted() {
    let node = Node::self_signed();
    check(&node, pinned(node.pin()), None).await;
    check(&node, member(None, &[node.pin()]), None).await;
    check(&node, member(Some(&issuer("ca")), &[node.pin()]), None).await;
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_not_trusted() {
    let (node, other) = (Node::self_signed(), Node::self_signed());
    check(&node, pinned(other.pin()), Some("which is not pinned")).await;
    check(&node, Trust::Pinned(BTreeSet::new()), Some("which is not pinned")).await;
    check(&node, member(None, &[other.pin()]), Some("which is not pinned")).await;
}

#[tokio::test]
async fn the_pinned_certificate_without_its_key_is_not_trusted() {
    let node = Node::self_signed();
    let thief = Node {
        chain: node.chain.clone(),
        key: KeyPair::generate().unwrap(),
    };
    check(&thief, pinned(node.pin()), Some("BadSignature")).await;
}

#[tokio::test]
async fn an_onlooker_sees_no_certificate_whose_key_the_node_lacks() {
    let node = Node::self_signed();
    let thief = Node {
        chain: node.chain.clone(),
        key: KeyPair::generate().unwrap(),
    };
    for version in [&TLS12, &TLS13] {
        assert_eq!(shake(&node, version, onlooking().unwrap()).await, Ok(()));
        let refused = shake(&thief, version, onlooking().unwrap()).await.unwrap_err();
        assert!(refused.contains("BadSignature"), "{refused}");
    }
}

#[tokio::test]
async fn the_authority_vouches_for_the_clusters_name_at_any_address() {
    let ca = issuer("ca");
    check(
        &Node::signed_by(&ca, params(CLUSTER)),
        member(Some(&ca), &[]),
        None,
    )
    .await;
    check(
        &Node::signed_by(&ca, params("*.example.com")),
        member(Some(&ca), &[]),
        None,
    )
    .await;
}

#[tokio::test]
async fn the_authority_does_not_vouch_for_another_name() {
    let ca = issuer("ca");
    let node = Node::signed_by(&ca, params("other.example.com"));
    check(&node, member(Some(&ca), &[]), Some("not valid for name")).await;
    let addressed = Node::signed_by(&ca, params("10.0.0.11"));
    check(&addressed, member(Some(&ca), &[]), Some("not valid for name")).await;
}

#[tokio::test]
async fn another_authority_does_not_count() {
    let node = Node::signed_by(&issuer("ca"), params(CLUSTER));
    check(
        &node,
        member(Some(&issuer("ca")), &[]),
        Some("does not vouch for it"),
    )
    .await;
}

#[tokio::test]
async fn the_authority_of_the_cluster_does_not_vouch_for_a_fresh_node() {
    let ca = issuer("ca");
    let node = Node::signed_by(&ca, params(CLUSTER));
    check(
        &node,
        pinned(Node::self_signed().pin()),
        Some("which is not pinned"),
    )
    .await;
}

#[tokio::test]
async fn an_expired_certificate_needs_a_pin() {
    let ca = issuer("ca");
    let mut expired = params(CLUSTER);
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let node = Node::signed_by(&ca, expired);
    check(&node, member(Some(&ca), &[]), Some("expired")).await;
    check(&node, member(Some(&ca), &[node.pin()]), None).await;
}

#[tokio::test]
async fn a_certificate_for_clients_is_not_one_for_servers() {
    let ca = issuer("ca");
    let mut client = params(CLUSTER);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check(
        &Node::signed_by(&ca, client),
        member(Some(&ca), &[]),
        Some("does not vouch for it"),
    )
    .await;
}

#[test]
fn what_was_presented_is_judged_as_a_handshake_is() {
    let ca = issuer("ca");
    let authority = Authority::read_pem(ca.pem().as_bytes()).unwrap();
    let node = Node::signed_by(&ca, params(CLUSTER));
    let presented = Presented::read(node.chain.clone()).unwrap();
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    assert!(presented.names("PROD.example.com") && !presented.names("example.com"));
    assert!(!presented.self_signed());
    assert!(presented.vouched_by(&authority, CLUSTER, now));
    assert!(!presented.vouched_by(&authority, "other.example.com", now));
    assert!(!presented.vouched_by(&authority, "not a name", now));
    assert_eq!(presented.accepted_by(&member(Some(&ca), &[]), now), Ok(()));
    assert_eq!(presented.accepted_by(&pinned(node.pin()), now), Ok(()));
    let shown = node.pin().to_string();
    assert_eq!(
        presented.accepted_by(&Trust::Pinned(BTreeSet::new()), now),
        Err(Mistrust::Pin { shown })
    );
    assert!(Presented::read(Node::self_signed().chain).unwrap().self_signed());
}

#[test]
fn an_authority_needs_a_certificate_and_is_known_by_its_certificates() {
    let (ca, other) = (issuer("ca").pem(), issuer("ca").pem());
    assert!(Authority::read_pem(b"").is_err());
    assert!(Authority::read_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
    let read = |pem: &str| Authority::read_pem(pem.as_bytes()).unwrap();
    assert_eq!(read(&ca), read(&ca.replace('\n', "\r\n")));
    assert_ne!(read(&ca), read(&other));
    assert_ne!(read(&ca), read(&format!("{ca}{other}")));
}
