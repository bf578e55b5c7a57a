//! What Redis Enterprise accepts as a certificate, checked on the X.509 itself, and the fingerprints of one.

mod chain;
pub mod mint;

pub(crate) use chain::{Certificate, KeyType, read_bundle, read_der};

use super::Profile;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};

/// One of the certificates that a cluster knows by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameRow {
    pub(crate) name: &'static str,
    /// Made by the cluster itself and never absent: cannot be deleted.
    pub(crate) required: bool,
    pub(crate) has_key: bool,
    /// Between nodes: rotated by the cluster, RSA only.
    pub(crate) internal: bool,
    pub(crate) since: Profile,
    /// Cluster setting with the cipher suites that its key must suit.
    pub(crate) ciphers: Option<&'static str>,
}

const fn row(name: &'static str, required: bool, has_key: bool, internal: bool) -> NameRow {
    NameRow {
        name,
        required,
        has_key,
        internal,
        since: Profile::V7_4_6,
        ciphers: None,
    }
}

const fn suited(mut row: NameRow, ciphers: &'static str) -> NameRow {
    row.ciphers = Some(ciphers);
    row
}

const fn since(mut row: NameRow, since: Profile) -> NameRow {
    row.since = since;
    row
}

/// Every certificate name, in the order in which GET lists them.
pub(crate) const NAMES: &[NameRow] = &[
    suited(row("api", true, true, false), "control_cipher_suites"),
    suited(row("cm", true, true, false), "control_cipher_suites"),
    suited(row("proxy", true, true, false), "data_cipher_list"),
    row("syncer", true, true, false),
    suited(
        row("metrics_exporter", true, true, false),
        "control_cipher_suites",
    ),
    row("ccs_internode_encryption", true, true, true),
    row("data_internode_encryption", true, true, true),
    row("ldap_client", false, true, false),
    row("mtls_trusted_ca", false, false, false),
    since(row("sso_service", false, true, false), Profile::V8_0_20),
    since(row("sso_issuer", false, false, false), Profile::V8_0_20),
];

/// The row of `name`, if `profile` knows it.
pub(crate) fn named(name: &str, profile: Profile) -> Option<&'static NameRow> {
    NAMES.iter().find(|row| row.name == name && profile >= row.since)
}

/// What a certificate is measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) now: Timestamp,
    pub(crate) profile: Profile,
    /// Whether certificates between nodes must list `clientAuth`.
    pub(crate) internode_clients: bool,
    /// Whether every certificate of a chain must have a Common Name.
    pub(crate) names_wanted: bool,
    /// Whether certificates for clients must list `clientAuth`, as the guidelines say, or only those between nodes.
    pub(crate) strict_usage: bool,
    /// Cipher suites that the key must suit, in OpenSSL's notation; known from 8.2 on.
    pub(crate) ciphers: Option<&'a str>,
}

/// Why a certificate is refused. The text names the certificate's subject, never key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CertError {
    /// 400.
    Invalid(String),
    /// 406.
    Expired(String),
}

fn invalid<T>(why: impl Into<String>) -> Result<T, CertError> {
    Err(CertError::Invalid(why.into()))
}

/// Checks a chain and its key as an upload of the certificate `row`.
///
/// # Errors
/// The first rule that it breaks.
pub(crate) fn check(
    row: &NameRow,
    chain_pem: &str,
    key_pem: &str,
    rules: Rules<'_>,
) -> Result<(), CertError> {
    let bundle = read_bundle(chain_pem).map_err(CertError::Invalid)?;
    let Some(leaf) = bundle.first() else {
        return invalid(format!("{}: no certificate in the PEM text", row.name));
    };
    for certificate in &bundle {
        check_dates(certificate, rules.now)?;
        check_strength(certificate)?;
    }
    if !row.has_key {
        return Ok(());
    }
    check_key(leaf, key_pem)?;
    check_order(&bundle)?;
    check_usage(row, leaf, rules)?;
    if rules.names_wanted
        && let Some(nameless) = bundle
            .iter()
            .find(|certificate| certificate.common_name.is_none())
    {
        return invalid(format!("{}: {} has no Common Name", row.name, nameless.subject));
    }
    if row.internal && !matches!(leaf.key, KeyType::Rsa { .. }) {
        return invalid(format!(
            "{}: internode certificates must have an RSA key",
            row.name
        ));
    }
    match rules.ciphers {
        Some(ciphers) if rules.profile >= Profile::V8_2_0 && !leaf.key.suits(ciphers) => invalid(format!(
            "{}: no configured cipher suite works with the key type of this certificate",
            row.name
        )),
        _ => Ok(()),
    }
}

fn check_dates(certificate: &Certificate, now: Timestamp) -> Result<(), CertError> {
    if certificate.not_after <= now.as_second() {
        return Err(CertError::Expired(format!(
            "certificate {} has expired",
            certificate.subject
        )));
    }
    if certificate.not_before > now.as_second() {
        return invalid(format!("certificate {} is not valid yet", certificate.subject));
    }
    Ok(())
}

fn check_strength(certificate: &Certificate) -> Result<(), CertError> {
    if certificate.weak_hash {
        return invalid(format!(
            "certificate {} is signed with a weak hash; SHA-256 or stronger is wanted",
            certificate.subject
        ));
    }
    match certificate.key {
        KeyType::Rsa { bits } if bits < 2048 => invalid(format!(
            "certificate {} has an RSA key of {bits} bits; at least 2048 are wanted",
            certificate.subject
        )),
        _ => Ok(()),
    }
}

fn check_key(leaf: &Certificate, key_pem: &str) -> Result<(), CertError> {
    let Ok(key) = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()) else {
        return invalid("the private key is missing or is not an unencrypted PEM private key");
    };
    let Some(public) = any_supported_type(&key)
        .ok()
        .and_then(|key| key.public_key().map(|spki| spki.to_vec()))
    else {
        return invalid("the private key cannot be read or is of an unsupported kind");
    };
    if public != leaf.public_key_info {
        return invalid(format!(
            "the private key does not belong to certificate {}",
            leaf.subject
        ));
    }
    Ok(())
}

/// Leaf first, every further certificate the issuer of the one before it; the root may be left out.
fn check_order(bundle: &[Certificate]) -> Result<(), CertError> {
    for (certificate, issuer) in bundle.iter().zip(bundle.iter().skip(1)) {
        if !certificate.is_issued_by(issuer) {
            return invalid(format!(
                "broken chain: {} was not issued by the next certificate, {}; the order is leaf, intermediates, root",
                certificate.subject, issuer.subject
            ));
        }
    }
    Ok(())
}

fn check_usage(row: &NameRow, leaf: &Certificate, rules: Rules<'_>) -> Result<(), CertError> {
    let client_auth = if row.internal {
        rules.internode_clients
    } else {
        rules.strict_usage
    };
    match leaf.extended_usage {
        Some(usage) if !usage.server_auth && row.name != "ldap_client" => {
            return invalid(format!("{}: extended key usage lacks serverAuth", row.name));
        }
        Some(usage) if !usage.client_auth && client_auth => {
            return invalid(format!("{}: extended key usage lacks clientAuth", row.name));
        }
        _ => {}
    }
    match leaf.key_usage {
        Some(usage) if !usage.digital_signature => {
            invalid(format!("{}: key usage lacks digitalSignature", row.name))
        }
        Some(usage)
            if !usage.key_encipherment && matches!(leaf.key, KeyType::Rsa { .. }) && rules.strict_usage =>
        {
            invalid(format!("{}: key usage lacks keyEncipherment", row.name))
        }
        _ => Ok(()),
    }
}

/// SHA-256 of the leaf of a PEM chain, lower-case hexadecimal; empty if there is no certificate in it.
#[must_use]
pub fn fingerprint(chain_pem: &str) -> String {
    leaf_digest(chain_pem, |leaf| leaf.der.clone())
}

/// SHA-256 of the public key (`SubjectPublicKeyInfo`) of the leaf, lower-case hexadecimal; empty if there is none.
#[must_use]
pub fn public_key_fingerprint(chain_pem: &str) -> String {
    leaf_digest(chain_pem, |leaf| leaf.public_key_info.clone())
}

fn leaf_digest(chain_pem: &str, part: impl Fn(&Certificate) -> Vec<u8>) -> String {
    let leaf = read_bundle(chain_pem)
        .ok()
        .and_then(|bundle| bundle.into_iter().next());
    let digest = leaf.map(|leaf| Sha256::digest(part(&leaf)));
    digest
        .iter()
        .flatten()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
