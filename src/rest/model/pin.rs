//! Pins: SHA-256 of a public key, as `sha256/<base64>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;

/// SHA-256 of the `SubjectPublicKeyInfo` of a certificate. Printed and read as `sha256/<base64>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpkiPin([u8; 32]);

/// A text that is not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPin;

impl SpkiPin {
    /// Pin of a DER-encoded `SubjectPublicKeyInfo`.
    pub fn of(public_key_info: &[u8]) -> Self {
        Self(Sha256::digest(public_key_info).into())
    }
}

impl FromStr for SpkiPin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let encoded = text.strip_prefix("sha256/").ok_or(NotAPin)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotAPin)?;
        bytes.try_into().map(Self).map_err(|_| NotAPin)
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NotAPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a pin: expected sha256/ and the base64 text of 32 bytes")
    }
}

impl std::error::Error for NotAPin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_as_it_prints() {
        let pin = SpkiPin::of(b"key");
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert!(pin.to_string().starts_with("sha256/") && pin.to_string().len() == 51);
    }

    #[test]
    fn other_texts_are_no_pins() {
        for text in [
            "",
            "sha256/",
            "sha256/AAAA",
            "sha1/AAAA",
            &SpkiPin::of(b"key").to_string()[7..],
        ] {
            assert_eq!(text.parse::<SpkiPin>(), Err(NotAPin), "{text}");
        }
    }
}
