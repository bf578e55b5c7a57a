//! Makes certificates as Redis Enterprise makes its own: self-signed, one per service, valid for 365 days.

use crate::sim::config::{CertificateOrder, CertificateSource, TlsIdentity};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, Error, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// Kind of the private keys that are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// P-256: made in an instant.
    #[default]
    Ecdsa,
    /// As the product makes them; a second or more each.
    Rsa4096,
}

const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Certificates between nodes live for 90 days.
const QUARTER: SignedDuration = SignedDuration::from_hours(90 * 24);

impl KeyKind {
    fn make(self) -> Result<KeyPair, Error> {
        match self {
            Self::Ecdsa => KeyPair::generate(),
            Self::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
        }
    }
}

/// What a fresh node shows before it belongs to a cluster: a certificate for its host name and addresses.
///
/// # Errors
/// A name that cannot stand in a certificate.
pub fn node(name: &str, addresses: &[&str], now: Timestamp, key: KeyKind) -> Result<TlsIdentity, Error> {
    let names = [name, "localhost"]
        .into_iter()
        .chain(addresses.iter().copied())
        .map(str::to_owned)
        .collect();
    Draft {
        common_name: name,
        names,
        unit: None,
        serial: name,
        not_before: now,
        lasts: YEAR,
    }
    .signed_by_itself(&key.make()?)
}

/// Certificates for clusters created at `now` or later. RSA keys take long: all certificates of a source then share one.
///
/// # Errors
/// When no key can be made.
pub fn source(now: Timestamp, key: KeyKind) -> Result<CertificateSource, Error> {
    let shared = Arc::new(key.make()?);
    Ok(CertificateSource::new(move |order| {
        let made = match key {
            KeyKind::Ecdsa => key.make().and_then(|own| cluster(order, now, &own)),
            KeyKind::Rsa4096 => cluster(order, now, &shared),
        };
        made.unwrap_or_else(|_| TlsIdentity {
            chain_pem: String::new(),
            key_pem: String::new(),
        })
    }))
}

/// One certificate of a cluster: CN is the cluster's name, with a wildcard for the names below it.
fn cluster(order: &CertificateOrder, now: Timestamp, key: &KeyPair) -> Result<TlsIdentity, Error> {
    let fqdn = &order.cluster_name;
    let internal = order.certificate.ends_with("internode_encryption");
    Draft {
        common_name: fqdn,
        names: vec![fqdn.clone(), format!("*.{fqdn}")],
        unit: Some(if order.certificate == "proxy" {
            "redisdb"
        } else {
            &order.certificate
        }),
        serial: &format!("{fqdn}/{}/{}", order.certificate, order.generation),
        // What only nodes see begins in the world's time; clients judge the rest by a clock of their own.
        not_before: if internal { order.at.max(now) } else { now },
        lasts: if internal { QUARTER } else { YEAR },
    }
    .signed_by_itself(key)
}

struct Draft<'a> {
    common_name: &'a str,
    names: Vec<String>,
    unit: Option<&'a str>,
    /// Text that the serial number is made from.
    serial: &'a str,
    not_before: Timestamp,
    lasts: SignedDuration,
}

impl Draft<'_> {
    fn signed_by_itself(self, key: &KeyPair) -> Result<TlsIdentity, Error> {
        let mut params = CertificateParams::new(self.names)?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, self.common_name);
        subject.push(DnType::OrganizationName, "RedisLabs Enterprise Cluster");
        if let Some(unit) = self.unit {
            subject.push(DnType::OrganizationalUnitName, unit);
        }
        params.distinguished_name = subject;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        let digest = Sha256::digest(self.serial);
        params.serial_number = Some(SerialNumber::from_slice(digest.get(..16).unwrap_or_default()));
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let second =
            |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
        // A minute back, so that a client whose clock is a little behind trusts it too.
        params.not_before = epoch + second(self.not_before - SignedDuration::from_mins(1));
        params.not_after = epoch + second(self.not_before + self.lasts);
        let certificate = params.self_signed(key)?;
        Ok(TlsIdentity {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}
