//! Certificates that users bring.

use crate::fleet::NAME;
use crate::support::site::Site;
use jiff::SignedDuration;
use jiff::Timestamp;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use regent::sim::TlsIdentity;
use regent::sim::certs::mint;
use std::time::Duration;

/// A new self-signed certificate of the cluster that is valid now.
pub fn own(site: &Site) -> TlsIdentity {
    at(site.machines.world().now())
}

/// One whose year ended long ago.
pub fn expired(site: &Site) -> TlsIdentity {
    at(site.machines.world().now() - SignedDuration::from_hours(24 * 800))
}

fn at(begin: Timestamp) -> TlsIdentity {
    mint::node(NAME, &[], begin, mint::KeyKind::Ecdsa).unwrap()
}

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    now: Timestamp,
}

impl Authority {
    pub fn new(site: &Site) -> Self {
        let now = site.machines.world().now();
        let mut params = params("Example Root", Vec::new(), now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
            now,
        }
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// A certificate for `name`, with the authority's behind it.
    pub fn issue(&self, name: &str) -> TlsIdentity {
        let mut params = params(name, vec![name.to_owned(), format!("*.{name}")], self.now);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        TlsIdentity {
            chain_pem: format!("{}{}", leaf.pem(), self.pem),
            key_pem: key.serialize_pem(),
        }
    }
}

fn params(name: &str, names: Vec<String>, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let second =
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(now.as_second()).unwrap());
    params.not_before = second - Duration::from_secs(60);
    params.not_after = second + Duration::from_secs(90 * 24 * 3600);
    params
}
