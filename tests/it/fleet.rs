//! Simulated machines as the REST client sees them: no sockets, and trust is checked as a TLS handshake would.

use bytes::Bytes;
use http::Method;
use http::Request;
use http::Response;
use regent::rest::Client;
use regent::rest::Credentials;
use regent::rest::NodeAddress;
use regent::rest::Session;
use regent::rest::error::Mistrust;
use regent::rest::model::SpkiPin;
use regent::rest::tls::Presented;
use regent::rest::tls::Trust;
use regent::rest::transport::Transport;
use regent::rest::transport::TransportError;
use regent::sim;
use regent::sim::certs::mint;
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;
use std::collections::BTreeSet;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// Name of the cluster that these machines form.
pub const NAME: &str = "prod.example.com";

/// Machines 10.0.0.1, 10.0.0.2, … and a client for them. Simulated time follows tokio's.
pub struct Fleet {
    pub shared: sim::Shared,
    pub client: Client,
}

impl Fleet {
    /// Machines that belong to no cluster. Call it inside a runtime.
    pub fn fresh(nodes: usize, profile: sim::Profile, switches: sim::Switches) -> Self {
        Self::over(sim::World::new(config(nodes, profile, switches)))
    }

    /// Three machines in one cluster.
    pub fn formed(profile: sim::Profile, switches: sim::Switches) -> Self {
        let mut world = sim::World::new(config(3, profile, switches));
        let Credentials { username, password } = credentials();
        let password = secrecy::ExposeSecret::expose_secret(&password).to_owned();
        world
            .form(&sim::Formation::new(NAME, &username, &password))
            .unwrap();
        Self::over(world)
    }

    fn over(world: sim::World) -> Self {
        let shared = sim::Shared::following_tokio(world);
        let client = Client::new(transport(shared.service(), shared.clone()));
        Self { shared, client }
    }

    /// The members, trusted by the certificate that the first of them shows.
    pub async fn session(&self) -> Session {
        let members = (1..=3).map(node).collect();
        self.client
            .session(members, self.trust(&[1]).await, credentials())
    }

    /// What vouches for the cluster: the keys that these of its nodes show.
    pub async fn trust(&self, nodes: &[u8]) -> Trust {
        Trust::Member {
            cluster_name: NAME.to_owned(),
            authority: None,
            pins: self.pins(nodes).await,
        }
    }

    /// Pins of the keys that nodes show.
    pub async fn pins(&self, nodes: &[u8]) -> BTreeSet<SpkiPin> {
        let mut pins = BTreeSet::new();
        for last in nodes {
            pins.insert(self.client.handshake(&node(*last)).await.unwrap().spki_pin());
        }
        pins
    }
}

/// Address of a machine.
pub fn node(last: u8) -> NodeAddress {
    NodeAddress {
        host: format!("10.0.0.{last}"),
        port: 9443,
    }
}

/// The administrator's.
pub fn credentials() -> Credentials {
    Credentials {
        username: "admin@example.com".to_owned(),
        password: SecretString::from("canary-password"),
    }
}

/// Machines 10.0.0.1, 10.0.0.2, … that belong to no cluster.
pub fn config(nodes: usize, profile: sim::Profile, switches: sim::Switches) -> sim::Config {
    let start = "2026-06-01T00:00:00Z".parse().unwrap();
    let machine = |place| {
        let (name, address) = (format!("node{place}"), format!("10.0.0.{place}"));
        let identity = mint::node(&name, &[&address], start, mint::KeyKind::Ecdsa).unwrap();
        sim::NodeConfig::new(&name, &address, identity)
    };
    sim::Config {
        seed: 7,
        start,
        profile,
        switches,
        bugs: None,
        timings: sim::Timings::default(),
        nodes: (1..=nodes).map(machine).collect(),
        certificates: mint::source(start, mint::KeyKind::Ecdsa).unwrap(),
        faults: sim::FaultPlan::default(),
        log_capacity: sim::LOG_CAPACITY,
        ownership_tag: None,
    }
}

/// The simulator in the seam where TLS is in production.
pub fn transport(service: sim::InProcess, shared: sim::Shared) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let (service, shared) = (service.clone(), shared.clone());
        async move {
            if request.method() == Method::CONNECT {
                let mut response = Response::new(Bytes::new());
                response
                    .extensions_mut()
                    .insert(shake_hands(&service, &request).await?);
                return Ok(response);
            }
            let trust = request.extensions().get::<Trust>().unwrap().clone();
            let presented = shake_hands(&service, &request).await?;
            let now = shared.world().now();
            presented
                .accepted_by(&trust, now)
                .map_err(TransportError::Untrusted)?;
            service.oneshot(request).await.map_err(translate)
        }
    }))
}

async fn shake_hands(
    service: &sim::InProcess,
    request: &Request<Bytes>,
) -> Result<Presented, TransportError> {
    let connect = Request::builder()
        .method(Method::CONNECT)
        .uri(request.uri().authority().unwrap().as_str());
    let answer = service
        .clone()
        .oneshot(connect.body(Bytes::new()).unwrap())
        .await
        .map_err(translate)?;
    let sim::Presented(chain) = answer.extensions().get::<sim::Presented>().unwrap().clone();
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    Presented::read(chain).map_err(|why| TransportError::Untrusted(Mistrust::Handshake(why)))
}

fn translate(error: sim::TransportError) -> TransportError {
    match error {
        sim::TransportError::Refused(_) => TransportError::Connect(error.to_string()),
        sim::TransportError::Closed | sim::TransportError::Truncated => {
            TransportError::Lost(error.to_string())
        }
    }
}
