//! A certificate with its private key, checked before it is sent anywhere.

use crate::rest::model::CertificateFacts;
use crate::rest::model::SpkiPin;
use crate::rest::model::certificate::issued_by;
use crate::rest::model::certificate::public_key_info;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::SecretString;
use secrecy::zeroize::Zeroize;
use std::fmt;

/// A certificate chain, leaf first, and the private key of the leaf: they belong together, and the chain is in force.
#[derive(Clone)]
pub struct CertificatePair {
    leaf: CertificateFacts,
    chain_pem: String,
    key_pem: SecretString,
}

/// Why a certificate and a key cannot be used. Places in the chain count from 1. Quotes no key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairError {
    /// The certificate text holds no certificate.
    NoCertificate,
    /// A certificate cannot be read.
    Certificate {
        /// Which.
        place: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate is not signed by the one after it.
    Order {
        /// Which.
        place: usize,
        /// Its subject.
        subject: String,
        /// Subject of the one after it.
        next: String,
    },
    /// A certificate has no common name; some versions of Redis Enterprise refuse such a chain.
    NoCommonName {
        /// Which.
        place: usize,
    },
    /// A certificate has expired.
    Expired {
        /// Its subject.
        subject: String,
        /// When.
        not_after: Timestamp,
    },
    /// A certificate is not valid yet.
    NotYetValid {
        /// Its subject.
        subject: String,
        /// From when on.
        not_before: Timestamp,
    },
    /// The key text holds no private key.
    NoKey,
    /// The private key is encrypted.
    KeyEncrypted,
    /// The private key is of no usable kind, or damaged.
    KeyUnusable,
    /// The private key is not that of the first certificate.
    Mismatch {
        /// Subject of the first certificate.
        subject: String,
        /// The place of the certificate whose key it is, if it is in the chain.
        belongs_to: Option<usize>,
    },
}

impl CertificatePair {
    /// Reads and checks a certificate chain and a private key, both PEM.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(cert_pem: &[u8], key_pem: &[u8], now: Timestamp) -> Result<Self, PairError> {
        let chain = read_chain(cert_pem)?;
        let facts: Vec<CertificateFacts> = chain
            .iter()
            .zip(1..)
            .map(|(der, place)| {
                CertificateFacts::read(der).map_err(|why| PairError::Certificate { place, why })
            })
            .collect::<Result<_, _>>()?;
        check_key(&chain, &facts, key_pem)?;
        check_order(&chain, &facts)?;
        for (certificate, place) in facts.iter().zip(1..) {
            check_certificate(certificate, place, now)?;
        }
        let leaf = facts.into_iter().next().ok_or(PairError::NoCertificate)?;
        Ok(Self {
            leaf,
            chain_pem: blocks(cert_pem),
            key_pem: secret_blocks(key_pem),
        })
    }

    /// What is known of the leaf.
    pub fn leaf(&self) -> &CertificateFacts {
        &self.leaf
    }

    /// SHA-256 of the leaf, lower-case hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.leaf.fingerprint
    }

    /// Pin of the leaf's key.
    pub fn pin(&self) -> SpkiPin {
        self.leaf.pin
    }

    /// The chain, PEM: nothing but its blocks, with plain line ends.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The private key, PEM, in the same form.
    pub fn key_pem(&self) -> &SecretString {
        &self.key_pem
    }

    /// Whether `pem` holds the same chain, whatever its line ends and comments.
    pub fn same_chain(&self, pem: &str) -> bool {
        let der = |text: &str| read_chain(text.as_bytes()).ok();
        der(pem).is_some_and(|other| der(&self.chain_pem).is_some_and(|own| own == other))
    }
}

/// Names the certificate; the key stays out.
impl fmt::Debug for CertificatePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificatePair")
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let read = |(der, place): (Result<_, rustls_pki_types::pem::Error>, usize)| {
        der.map_err(|error| PairError::Certificate {
            place,
            why: format!("not PEM: {error}"),
        })
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .zip(1..)
        .map(read)
        .collect::<Result<_, _>>()?;
    if chain.is_empty() {
        Err(PairError::NoCertificate)
    } else {
        Ok(chain)
    }
}

/// Stands in the header of every PEM form of an encrypted key.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn check_key(
    chain: &[CertificateDer<'_>],
    facts: &[CertificateFacts],
    key_pem: &[u8],
) -> Result<(), PairError> {
    if key_pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err(PairError::KeyEncrypted);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| PairError::NoKey)?;
    let signing = any_supported_type(&key).map_err(|_| PairError::KeyUnusable)?;
    let public = signing.public_key().ok_or(PairError::KeyUnusable)?;
    let belongs_to = chain
        .iter()
        .position(|der| public_key_info(der).is_some_and(|own| own == public.as_ref()));
    match (belongs_to, facts.first()) {
        (Some(0), _) => Ok(()),
        (other, Some(leaf)) => Err(PairError::Mismatch {
            subject: leaf.subject.clone(),
            belongs_to: other.map(|place| place + 1),
        }),
        (_, None) => Err(PairError::NoCertificate),
    }
}

fn check_order(chain: &[CertificateDer<'_>], facts: &[CertificateFacts]) -> Result<(), PairError> {
    let links = chain
        .iter()
        .zip(facts)
        .zip(chain.iter().zip(facts).skip(1))
        .zip(1..);
    for (((own, own_facts), (next, next_facts)), place) in links {
        if !issued_by(own, next) {
            return Err(PairError::Order {
                place,
                subject: own_facts.subject.clone(),
                next: next_facts.subject.clone(),
            });
        }
    }
    Ok(())
}

fn check_certificate(certificate: &CertificateFacts, place: usize, now: Timestamp) -> Result<(), PairError> {
    let subject = || certificate.subject.clone();
    if certificate.not_after < now {
        return Err(PairError::Expired {
            subject: subject(),
            not_after: certificate.not_after,
        });
    }
    if certificate.not_before > now {
        return Err(PairError::NotYetValid {
            subject: subject(),
            not_before: certificate.not_before,
        });
    }
    match certificate.common_name {
        Some(_) => Ok(()),
        None => Err(PairError::NoCommonName { place }),
    }
}

/// The PEM blocks of a text, with plain line ends and nothing in between. No block is decoded.
fn blocks(pem: &[u8]) -> String {
    let text = String::from_utf8_lossy(pem);
    let mut kept = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        inside |= line.starts_with("-----BEGIN ");
        if inside && !line.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.starts_with("-----END ");
    }
    kept
}

fn secret_blocks(pem: &[u8]) -> SecretString {
    let mut text = blocks(pem);
    let secret = SecretString::from(text.as_str());
    text.zeroize();
    secret
}

impl PairError {
    /// The word that stands for it in conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoCertificate => "NoCertificate",
            Self::Certificate { .. } => "UnreadableCertificate",
            Self::Order { .. } => "ChainOutOfOrder",
            Self::NoCommonName { .. } => "NoCommonName",
            Self::Expired { .. } => "CertificateExpired",
            Self::NotYetValid { .. } => "CertificateNotYetValid",
            Self::NoKey => "NoPrivateKey",
            Self::KeyEncrypted => "EncryptedPrivateKey",
            Self::KeyUnusable => "UnusablePrivateKey",
            Self::Mismatch { .. } => "KeyMismatch",
        }
    }
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("there is no PEM certificate in it"),
            Self::Certificate { place, why } => {
                write!(f, "certificate {place} of the chain cannot be read: {why}")
            }
            Self::Order { place, subject, next } => write!(
                f,
                "certificate {place} of the chain ({subject}) is not signed by the one after it ({next}); put the leaf \
                 first, then each certificate's issuer"
            ),
            Self::NoCommonName { place } => write!(f, "certificate {place} of the chain has no common name"),
            Self::Expired { subject, not_after } => {
                write!(f, "the certificate of {subject} expired at {not_after}")
            }
            Self::NotYetValid { subject, not_before } => {
                write!(f, "the certificate of {subject} is not valid before {not_before}")
            }
            Self::NoKey => f.write_str("there is no PEM private key in it"),
            Self::KeyEncrypted => f.write_str("the private key is encrypted; store it without a passphrase"),
            Self::KeyUnusable => {
                f.write_str("the private key is damaged, or neither RSA nor a usable elliptic curve")
            }
            Self::Mismatch {
                subject,
                belongs_to: None,
            } => {
                write!(
                    f,
                    "the private key does not belong to the certificate of {subject}"
                )
            }
            Self::Mismatch {
                subject,
                belongs_to: Some(place),
            } => write!(
                f,
                "the private key belongs to certificate {place} of the chain, not to the first ({subject}); put the leaf \
                 first"
            ),
        }
    }
}

impl std::error::Error for PairError {}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::BasicConstraints;
    use rcgen::CertificateParams;
    use rcgen::CertifiedIssuer;
    use rcgen::DnType;
    use rcgen::IsCa;
    use rcgen::KeyPair;
    use secrecy::ExposeSecret;

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["prod.example.com".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        params
    }

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A leaf signed by an authority: chain in order, and the leaf's key.
    fn chain(change: impl Fn(&mut CertificateParams)) -> (String, String, String) {
        let (ca, key) = (authority("ca"), KeyPair::generate().unwrap());
        let mut params = params("leaf");
        change(&mut params);
        let leaf = params.signed_by(&key, &ca).unwrap();
        (leaf.pem(), ca.pem(), key.serialize_pem())
    }

    fn parse(cert: &str, key: &str) -> Result<CertificatePair, PairError> {
        CertificatePair::parse(cert.as_bytes(), key.as_bytes(), now())
    }

    #[test]
    fn a_chain_with_its_key_is_accepted() {
        let (leaf, ca, key) = chain(|_| {});
        let pair = parse(&format!("{leaf}{ca}"), &key).unwrap();
        assert_eq!(pair.leaf().common_name.as_deref(), Some("leaf"));
        assert_eq!(pair.leaf().names, ["prod.example.com"]);
        assert_eq!(pair.leaf().key_algorithm, "EC 256");
        assert_eq!(pair.fingerprint().len(), 64);
        assert_eq!(
            pair.fingerprint(),
            CertificateFacts::read_pem(leaf.as_bytes()).unwrap().fingerprint
        );
    }

    #[test]
    fn line_ends_and_comments_do_not_make_another_certificate() {
        let (leaf, ca, key) = chain(|_| {});
        let windows = format!("subject=leaf\r\n{leaf}\n# issuer\n{ca}\n\n").replace('\n', "\r\n");
        let (plain, odd) = (
            parse(&format!("{leaf}{ca}"), &key).unwrap(),
            parse(&windows, &key.replace('\n', "\r\n")).unwrap(),
        );
        assert_eq!(odd.chain_pem(), plain.chain_pem());
        assert_eq!(odd.key_pem().expose_secret(), plain.key_pem().expose_secret());
        assert!(plain.same_chain(&windows) && !plain.same_chain(&leaf));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (leaf, ca, key) = chain(|_| {});
        let other = KeyPair::generate().unwrap().serialize_pem();
        let (expired, _, expired_key) = chain(|params| params.not_after = rcgen::date_time_ymd(2026, 2, 1));
        let (early, _, early_key) = chain(|params| params.not_before = rcgen::date_time_ymd(2026, 12, 1));
        let (nameless, _, nameless_key) =
            chain(|params| params.distinguished_name = rcgen::DistinguishedName::new());
        let stranger = authority("stranger").pem();
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let damaged = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let cases = [
            ("", &*key, "NoCertificate"),
            (&key, &key, "NoCertificate"),
            (damaged, &key, "NoCertificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &key,
                "UnreadableCertificate",
            ),
            (&leaf, "", "NoPrivateKey"),
            (&leaf, &leaf, "NoPrivateKey"),
            (&leaf, encrypted, "EncryptedPrivateKey"),
            (&leaf, damaged, "UnusablePrivateKey"),
            (&leaf, &other, "KeyMismatch"),
            (&format!("{ca}{leaf}"), &key, "KeyMismatch"),
            (&format!("{leaf}{stranger}"), &key, "ChainOutOfOrder"),
            (&expired, &expired_key, "CertificateExpired"),
            (&early, &early_key, "CertificateNotYetValid"),
            (&nameless, &nameless_key, "NoCommonName"),
        ];
        for (cert, key, reason) in cases {
            assert_eq!(parse(cert, key).unwrap_err().reason(), reason, "{reason}");
        }
        let reversed = parse(&format!("{ca}{leaf}"), &key).unwrap_err().to_string();
        assert_eq!(
            reversed,
            "the private key belongs to certificate 2 of the chain, not to the first (CN=ca); put the leaf first"
        );
    }

    #[test]
    fn no_error_and_no_debug_text_shows_the_key() {
        let (leaf, _, key) = chain(|_| {});
        let canary = key.lines().nth(1).unwrap().to_owned();
        let shown = format!("{:?}", parse(&leaf, &key).unwrap());
        assert!(!shown.contains(&canary));
        let broken = key.replacen(&canary, &canary[..canary.len() - 4], 1);
        let error = parse(&leaf, &broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&canary[..12]));
    }
}
