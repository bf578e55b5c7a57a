//! Certificates: PUT `/v1/cluster/certificates`, and what is read off the X.509 itself.

use crate::rest::model::SpkiPin;
use crate::rest::model::server_string;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::Digest;
use sha2::Sha256;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

server_string! {
    /// Name of one of the cluster's certificates.
    CertificateName {
        /// REST API.
        Api = "api",
        /// Web interface.
        Cm = "cm",
        /// Database endpoints.
        Proxy = "proxy",
        /// Replication between clusters.
        Syncer = "syncer",
        /// Metrics.
        MetricsExporter = "metrics_exporter",
        /// Control plane between nodes.
        CcsInternodeEncryption = "ccs_internode_encryption",
        /// Data plane between nodes.
        DataInternodeEncryption = "data_internode_encryption",
        /// Client certificate for LDAP.
        LdapClient = "ldap_client",
        /// Authorities of client certificates; has no key.
        MtlsTrustedCa = "mtls_trusted_ca",
        /// Service provider of single sign-on.
        SsoService = "sso_service",
        /// Identity provider of single sign-on; has no key.
        SsoIssuer = "sso_issuer",
    }
}

/// What can be said of a certificate without trusting it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Pin of its key.
    pub pin: SpkiPin,
    /// Distinguished name of the subject.
    pub subject: String,
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// DNS names and IP addresses of the subject alternative name.
    pub names: Vec<String>,
    /// First second at which it is valid.
    pub not_before: Timestamp,
    /// Last second at which it is valid.
    pub not_after: Timestamp,
    /// Kind and size of its key, such as `RSA 4096` or `EC 256`.
    pub key_algorithm: String,
}

impl CertificateFacts {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// Says in words why it is not an X.509 certificate.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (_, x509) =
            X509Certificate::from_der(der).map_err(|error| format!("not an X.509 certificate: {error}"))?;
        let validity = x509.validity();
        let second = |second| {
            Timestamp::from_second(second).map_err(|error| format!("validity out of range: {error}"))
        };
        Ok(Self {
            fingerprint: hexadecimal(&Sha256::digest(der)),
            pin: SpkiPin::of(x509.public_key().raw),
            subject: x509.subject().to_string(),
            common_name: x509
                .subject()
                .iter_common_name()
                .find_map(|name| name.as_str().ok())
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            names: names(&x509),
            not_before: second(validity.not_before.timestamp())?,
            not_after: second(validity.not_after.timestamp())?,
            key_algorithm: key_algorithm(&x509),
        })
    }

    /// Reads the first certificate of a PEM text, as RS answers it.
    ///
    /// # Errors
    /// Says in words what is wrong with the text.
    pub fn read_pem(pem: &[u8]) -> Result<Self, String> {
        let leaf = CertificateDer::pem_slice_iter(pem)
            .next()
            .ok_or("no certificate in the text")?;
        Self::read(&leaf.map_err(|error| format!("not PEM: {error}"))?)
    }
}

/// Whether the key of `issuer` signed `der`, and their names fit.
pub(crate) fn issued_by(der: &[u8], issuer: &[u8]) -> bool {
    match (X509Certificate::from_der(der), X509Certificate::from_der(issuer)) {
        (Ok((_, own)), Ok((_, issuer))) => signed_by(&own, &issuer),
        _ => false,
    }
}

fn signed_by(own: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    own.issuer().as_raw() == issuer.subject().as_raw()
        && own.verify_signature(Some(issuer.public_key())).is_ok()
}

/// DER of the `SubjectPublicKeyInfo` of a certificate.
pub(crate) fn public_key_info(der: &[u8]) -> Option<Vec<u8>> {
    X509Certificate::from_der(der)
        .ok()
        .map(|(_, x509)| x509.public_key().raw.to_vec())
}

fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = x509.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    alternative.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = || {
        <[u8; 4]>::try_from(bytes)
            .ok()
            .map(|bytes| std::net::IpAddr::from(bytes).to_string())
    };
    let v6 = || {
        <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|bytes| std::net::IpAddr::from(bytes).to_string())
    };
    v4().or_else(v6)
}

fn key_algorithm(x509: &X509Certificate<'_>) -> String {
    match x509.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(key)) => format!("EC {}", key.key_size()),
        _ => x509.public_key().algorithm.algorithm.to_id_string(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
