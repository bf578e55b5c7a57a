//! The cipher suites of TLS 1.2 that `control_cipher_suites` asks for, "in the format understood by the BoringSSL library", of those
//! that the listener has.

use rustls::{CipherSuite, SupportedCipherSuite};

/// Those of `all` that `list` asks for, in its order; an empty list asks for all. Suites of TLS 1.3 are not its matter and stay.
pub(super) fn chosen(all: &[SupportedCipherSuite], list: &str) -> Vec<SupportedCipherSuite> {
    let (fixed, open): (Vec<_>, Vec<_>) = all.iter().copied().partition(|suite| suite.tls13().is_some());
    let list = if list.is_empty() { "DEFAULT" } else { list };
    let (mut wanted, mut barred): (Vec<SupportedCipherSuite>, Vec<_>) = (Vec::new(), Vec::new());
    for token in list.split([':', ',', ' ', '[', '|', ']']) {
        let word = token.trim_start_matches(['!', '-', '+']);
        let named: Vec<_> = open
            .iter()
            .copied()
            .filter(|suite| is_named(suite.suite(), word))
            .collect();
        let (moved, others): (Vec<_>, Vec<_>) =
            wanted.iter().copied().partition(|suite| named.contains(suite));
        if token.starts_with('!') {
            barred.extend(named);
            wanted = others;
        } else if token.starts_with('-') {
            wanted = others;
        } else if token.starts_with('+') {
            wanted = [others, moved].concat();
        } else {
            let new = |suite: &SupportedCipherSuite| !barred.contains(suite) && !moved.contains(suite);
            wanted.extend(named.into_iter().filter(new));
        }
    }
    [fixed, wanted].concat()
}

/// Words for every suite of TLS 1.2 that the listener has.
const COMMON: &[&str] = &[
    "DEFAULT", "ALL", "HIGH", "FIPS", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH",
];

/// Whether a word, or several with `+` in between that must all fit, means this suite.
fn is_named(suite: CipherSuite, word: &str) -> bool {
    let Some((name, groups)) = words(suite) else {
        return false;
    };
    let fits = |part| {
        part == name || groups.contains(&part) || COMMON.contains(&part) || suite.as_str() == Some(part)
    };
    word.split('+').all(fits)
}

/// The suite's name in OpenSSL and BoringSSL, and the groups that it belongs to besides [`COMMON`].
fn words(suite: CipherSuite) -> Option<(&'static str, &'static [&'static str])> {
    use CipherSuite as Suite;
    #[rustfmt::skip]
    let words: (_, &[_]) = match suite {
        Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-ECDSA-AES128-GCM-SHA256", &["ECDSA", "aECDSA", "AES", "AESGCM", "AES128"]),
        Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-ECDSA-AES256-GCM-SHA384", &["ECDSA", "aECDSA", "AES", "AESGCM", "AES256"]),
        Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-ECDSA-CHACHA20-POLY1305", &["ECDSA", "aECDSA", "CHACHA20"]),
        Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-RSA-AES128-GCM-SHA256", &["aRSA", "AES", "AESGCM", "AES128"]),
        Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-RSA-AES256-GCM-SHA384", &["aRSA", "AES", "AESGCM", "AES256"]),
        Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-RSA-CHACHA20-POLY1305", &["aRSA", "CHACHA20"]),
        _ => return None,
    };
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of what a list chooses for TLS 1.2.
    fn names(list: &str) -> Vec<&'static str> {
        let all = rustls::crypto::aws_lc_rs::default_provider().cipher_suites;
        let chosen = chosen(&all, list);
        let (fixed, open): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|suite| suite.tls13().is_some());
        assert_eq!(fixed.len(), 3, "TLS 1.3 has its own list");
        open.iter()
            .map(|suite: &SupportedCipherSuite| words(suite.suite()).unwrap().0)
            .collect()
    }

    const AES128: &str = "ECDHE-ECDSA-AES128-GCM-SHA256";
    const AES256: &str = "ECDHE-ECDSA-AES256-GCM-SHA384";
    const CHACHA: &str = "ECDHE-ECDSA-CHACHA20-POLY1305";

    #[test]
    fn the_default_and_an_empty_list_choose_all() {
        let all = names("DEFAULT:!3DES");
        assert_eq!(all.len(), 6);
        assert_eq!(names(""), all);
        assert_eq!(names("HIGH"), all);
    }

    #[test]
    fn suites_and_groups_are_chosen_in_the_order_of_the_list() {
        for (list, want) in [
            (
                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
                &[AES128, AES256][..],
            ),
            ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", &[CHACHA]),
            (
                "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
                &[AES128, CHACHA],
            ),
            ("ECDSA+CHACHA20:ECDSA+AESGCM", &[CHACHA, AES256, AES128]),
            ("aECDSA:+AES256", &[AES128, CHACHA, AES256]),
            ("aECDSA:-AES128:AES128:!aRSA", &[AES256, CHACHA, AES128]),
            ("!AES256:aECDSA:AES256", &[AES128, CHACHA]),
            (
                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
                &[AES128],
            ),
            ("AES128-SHA:DES-CBC3-SHA:NO-SUCH-SUITE", &[]),
        ] {
            assert_eq!(names(list), want, "{list}");
        }
    }
}
