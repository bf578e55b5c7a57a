//! Certificates for tests and the demo: an authority of our own and what it signs.

use super::Result;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use std::time::Duration;

/// An authority.
pub struct Authority {
    /// Its certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its chain, and its key.
#[derive(Clone)]
pub struct Signed {
    /// Leaf, then authority.
    pub chain_pem: String,
    /// Private key.
    pub key_pem: String,
}

impl Authority {
    /// Makes a new one.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// Signs a certificate for a cluster and the names below it.
    pub fn sign(&self, cluster_name: &str) -> Result<Signed> {
        self.sign_with(cluster_name, |_| {})
    }

    /// The same with something changed before it is signed.
    #[expect(
        clippy::disallowed_methods,
        reason = "certificates are judged by the wall clock"
    )]
    pub fn sign_with(
        &self,
        cluster_name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<Signed> {
        let mut params = CertificateParams::new(vec![cluster_name.to_owned(), format!("*.{cluster_name}")])?;
        params.distinguished_name.push(DnType::CommonName, cluster_name);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let now = std::time::SystemTime::now();
        params.not_before = (now - Duration::from_secs(3600)).into();
        params.not_after = (now + Duration::from_secs(90 * 24 * 3600)).into();
        change(&mut params);
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok(Signed {
            chain_pem: format!("{}{}", leaf.pem(), self.pem),
            key_pem: key.serialize_pem(),
        })
    }
}
