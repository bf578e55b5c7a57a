//! Whom the client trusts: by pin, or by the cluster's name under its own authority. There is no way to trust anybody.

use crate::rest::error::Mistrust;
use crate::rest::model::CertificateFacts;
use crate::rest::model::SpkiPin;
use crate::rest::model::issued_by;
use crate::rest::model::public_key_info;
use jiff::Timestamp;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::OtherError;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::Resumption;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;
use rustls_pki_types::pem::PemObject;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Makes the one cryptography provider of the process the default one, for everybody who asks for a default.
pub fn install_provider() {
    // A second call finds the same provider in place.
    drop(aws_lc_rs::default_provider().install_default());
}

/// What vouches for a node. Without one of these, nothing but a handshake is ever sent to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// A node that does not belong to the cluster yet: its key is one of these.
    Pinned(BTreeSet<SpkiPin>),
    /// A member of a cluster: the authority vouches for the cluster's name, whatever address is dialled, or its key is one
    /// of the pins.
    Member {
        /// Name that the certificate must be valid for under the authority.
        cluster_name: String,
        /// Who may sign it.
        authority: Option<Authority>,
        /// Keys that need nobody's word. The pin decides alone: neither the name nor the dates of the certificate count,
        /// for the certificates that RS makes for itself expire and nobody renews them.
        pins: BTreeSet<SpkiPin>,
    },
}

/// Certificates of the authorities that may sign the cluster's `api` certificate.
#[derive(Clone)]
pub struct Authority {
    roots: Arc<RootCertStore>,
    digest: [u8; 32],
}

impl Authority {
    /// Reads the certificates of a PEM text.
    ///
    /// # Errors
    /// Says in words what is wrong with it; a text without a certificate is an error.
    pub fn read_pem(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let mut digest = Sha256::new();
        for (der, place) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let der = der.map_err(|error| format!("certificate {place}: not PEM: {error}"))?;
            digest.update(Sha256::digest(&der));
            roots
                .add(der)
                .map_err(|error| format!("certificate {place}: {error}"))?;
        }
        if roots.is_empty() {
            return Err("there is no PEM certificate in it".to_owned());
        }
        Ok(Self {
            roots: Arc::new(roots),
            digest: digest.finalize().into(),
        })
    }

    /// Whether it vouches for `chain` under `name` at `now`; else what speaks against it.
    fn vouches(&self, chain: &[CertificateDer<'_>], name: &str, now: UnixTime) -> Result<(), rustls::Error> {
        let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::BadEncoding)?;
        let name = ServerName::try_from(name).map_err(|_| CertificateError::NotValidForName)?;
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        verify_server_name(&parsed, &name)
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Authority {}

impl std::hash::Hash for Authority {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({} certificates)", self.roots.len())
    }
}

impl Trust {
    /// Judges a chain, leaf first. Says nothing about who holds its key: the handshake proves that.
    fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Mistrust> {
        let shown = chain
            .first()
            .ok_or_else(|| Mistrust::Handshake("no certificate".to_owned()))?;
        let shown = public_key_info(shown).map(|key| SpkiPin::of(&key));
        let shown = shown.ok_or_else(|| Mistrust::Handshake("not an X.509 certificate".to_owned()))?;
        let (pins, cluster_name, authority) = match self {
            Self::Pinned(pins) => (pins, "", None),
            Self::Member {
                cluster_name,
                authority,
                pins,
            } => (pins, cluster_name.as_str(), authority.as_ref()),
        };
        if pins.contains(&shown) {
            return Ok(());
        }
        let shown = shown.to_string();
        match authority.map(|authority| authority.vouches(chain, cluster_name, now)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Mistrust::Authority {
                shown,
                why: error.to_string(),
            }),
            None => Err(Mistrust::Pin { shown }),
        }
    }
}

/// The certificate chain that a node showed, with proof that it holds the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    chain: Vec<CertificateDer<'static>>,
    leaf: CertificateFacts,
}

impl Presented {
    /// Reads a chain in DER, leaf first.
    ///
    /// # Errors
    /// Says in words why the leaf is not an X.509 certificate.
    pub fn read(chain: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let leaf = CertificateFacts::read(chain.first().ok_or("no certificate")?)?;
        Ok(Self { chain, leaf })
    }

    /// What is known of the leaf.
    pub fn leaf(&self) -> &CertificateFacts {
        &self.leaf
    }

    /// Pin of the leaf's key.
    pub fn spki_pin(&self) -> SpkiPin {
        self.leaf.pin
    }

    /// Whether the leaf names `cluster_name`, by alternative name or common name.
    pub fn names(&self, cluster_name: &str) -> bool {
        let mut names = self.leaf.names.iter().chain(&self.leaf.common_name);
        names.any(|name| name.eq_ignore_ascii_case(cluster_name))
    }

    /// Whether the leaf is its own issuer.
    pub fn self_signed(&self) -> bool {
        self.chain.first().is_some_and(|leaf| issued_by(leaf, leaf))
    }

    /// Whether `authority` vouches for it under `cluster_name` at `now`.
    pub fn vouched_by(&self, authority: &Authority, cluster_name: &str, now: Timestamp) -> bool {
        authority.vouches(&self.chain, cluster_name, unix(now)).is_ok()
    }

    /// Whether `trust` accepts it at `now`.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn accepted_by(&self, trust: &Trust, now: Timestamp) -> Result<(), Mistrust> {
        trust.judge(&self.chain, unix(now))
    }
}

fn unix(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(now.as_second()).unwrap_or_default(),
    ))
}

/// TLS 1.2 or later with a node that `trust` vouches for.
pub(crate) fn verified(trust: Trust) -> Result<ClientConfig, rustls::Error> {
    config(Verifier {
        judge: Judge::Trust(trust),
        provider: provider(),
    })
}

/// TLS with whoever answers, to see what certificate it shows. Nothing may be sent over it: [`over_tls`] alone uses it,
/// and closes.
///
/// [`over_tls`]: crate::rest::transport::over_tls
pub(crate) fn onlooking() -> Result<ClientConfig, rustls::Error> {
    config(Verifier {
        judge: Judge::Onlooker,
        provider: provider(),
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn config(verifier: Verifier) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(verifier.provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session shows no certificate; every connection is to be judged on one.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    judge: Judge,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Judge {
    Trust(Trust),
    Onlooker,
}

/// The certificate is judged by [`Trust`]; the signatures, which prove that the node holds the certificate's key, are
/// checked as always.
impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain: Vec<_> = std::iter::once(end_entity)
            .chain(intermediates)
            .cloned()
            .collect();
        let judged = match &self.judge {
            Judge::Onlooker => Ok(()),
            Judge::Trust(trust) => trust.judge(&chain, now),
        };
        match judged {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(mistrust) => Err(CertificateError::Other(OtherError(Arc::new(mistrust))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests;
