//! How a node greets in a TLS handshake: the certificate that it shows, the versions and the cipher suites that it speaks.

use super::ciphers::chosen;
use super::client::AnyClient;
use crate::sim::config::TlsIdentity;
use crate::sim::ids::NodeIndex;
use crate::sim::world::World;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::sync::Arc;

/// What a handshake goes by. A connection that began with another one than the node has now is closed after an answer: the front
/// end has reloaded.
#[derive(Clone, Debug)]
pub(super) struct Greeting {
    identity: TlsIdentity,
    only_1_3: bool,
    ciphers: String,
}

impl Greeting {
    /// The node's present one; none for a node that does not exist.
    pub(super) fn of(world: &World, node: NodeIndex) -> Option<Self> {
        let (only_1_3, ciphers) = world.control_tls(node);
        Some(Self {
            identity: world.presented(node)?.clone(),
            only_1_3,
            ciphers: ciphers.to_owned(),
        })
    }

    /// Whether the node would greet like that now.
    pub(super) fn holds(&self, world: &World, node: NodeIndex) -> bool {
        world.presented(node) == Some(&self.identity)
            && world.control_tls(node) == (self.only_1_3, &self.ciphers)
    }

    /// For a listener; none if the certificate or its key cannot be used.
    pub(super) fn config(&self) -> Option<ServerConfig> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(self.identity.chain_pem.as_bytes())
            .filter_map(Result::ok)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(self.identity.key_pem.as_bytes()).ok()?;
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites = chosen(&provider.cipher_suites, &self.ciphers);
        let versions: &[_] = if self.only_1_3 {
            &[&TLS13]
        } else {
            &[&TLS13, &TLS12]
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .ok()?;
        let mut config = builder
            .with_client_cert_verifier(Arc::new(AnyClient))
            .with_single_cert(chain, key)
            .ok()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Every handshake is a full one, so that each shows the certificate of its time.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Some(config)
    }
}
