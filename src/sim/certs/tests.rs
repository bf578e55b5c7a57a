use super::*;
use crate::sim::config::{CertificateOrder, TlsIdentity};
use jiff::SignedDuration;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Eku, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn rules() -> Rules<'static> {
    Rules {
        now: now(),
        profile: Profile::V8_2_0,
        internode_clients: true,
        names_wanted: false,
        strict_usage: true,
        ciphers: None,
    }
}

/// A leaf with everything in order; tests change one thing.
struct Leaf {
    params: CertificateParams,
    key: KeyPair,
}

impl Leaf {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec!["rs.example.com".to_owned()]).unwrap();
        params.distinguished_name = common_name("rs.example.com");
        params.extended_key_usages = vec![Eku::ServerAuth, Eku::ClientAuth];
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        Self {
            params,
            key: KeyPair::generate().unwrap(),
        }
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut leaf = Self::new();
        change(&mut leaf.params);
        leaf
    }

    fn rsa(size: RsaKeySize) -> Self {
        Self {
            key: KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap(),
            ..Self::new()
        }
    }

    fn pem(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    fn check(&self, name: &str, rules: Rules<'_>) -> Result<(), CertError> {
        check(
            named(name, rules.profile).unwrap(),
            &self.pem(),
            &self.key.serialize_pem(),
            rules,
        )
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// A root, an intermediate and a leaf, as PEM texts, with the leaf's key.
fn chain() -> ([String; 3], String) {
    let authority = |name: &str| {
        let mut params = Leaf::new().params;
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params, KeyPair::generate().unwrap())
    };
    let ((root, root_key), (middle, middle_key), leaf) =
        (authority("root"), authority("middle"), Leaf::new());
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let middle_pem = middle
        .signed_by(&middle_key, &Issuer::from_params(&root, &root_key))
        .unwrap()
        .pem();
    let leaf_pem = leaf
        .params
        .signed_by(&leaf.key, &Issuer::from_params(&middle, &middle_key))
        .unwrap()
        .pem();
    ([leaf_pem, middle_pem, root_pem], leaf.key.serialize_pem())
}

#[track_caller]
fn assert_invalid(result: Result<(), CertError>, part: &str) {
    let Err(CertError::Invalid(text)) = result else {
        panic!("not refused as invalid: {result:?}")
    };
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_sound_certificate_passes_and_one_that_is_no_certificate_does_not() {
    let proxy = named("proxy", Profile::V8_2_0).unwrap();
    assert_eq!(Leaf::new().check("proxy", rules()), Ok(()));
    assert_invalid(check(proxy, "nonsense", "", rules()), "no certificate");
    assert_invalid(
        check(
            proxy,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "",
            rules(),
        ),
        "certificate 1",
    );
}

#[test]
fn the_key_must_belong_to_the_leaf() {
    let proxy = named("proxy", Profile::V8_2_0).unwrap();
    let (leaf, other) = (Leaf::new(), Leaf::new());
    assert_invalid(
        check(proxy, &leaf.pem(), &other.key.serialize_pem(), rules()),
        "does not belong",
    );
    assert_invalid(check(proxy, &leaf.pem(), "", rules()), "private key is missing");
}

#[test]
fn only_the_present_is_valid() {
    let late = Rules {
        now: "2027-01-01T00:00:00Z".parse().unwrap(),
        ..rules()
    };
    assert!(matches!(
        Leaf::new().check("api", late),
        Err(CertError::Expired(_))
    ));
    let early = Rules {
        now: "2025-12-31T23:59:59Z".parse().unwrap(),
        ..rules()
    };
    assert_invalid(Leaf::new().check("api", early), "not valid yet");
}

#[test]
fn both_extended_usages_are_wanted_and_between_nodes_unless_a_defect_forgets_them() {
    let server_only = Leaf::with(|params| params.extended_key_usages = vec![Eku::ServerAuth]);
    assert_invalid(server_only.check("proxy", rules()), "clientAuth");
    assert_eq!(
        server_only.check(
            "proxy",
            Rules {
                strict_usage: false,
                ..rules()
            }
        ),
        Ok(())
    );
    let client_only = Leaf::with(|params| params.extended_key_usages = vec![Eku::ClientAuth]);
    assert_invalid(
        client_only.check(
            "proxy",
            Rules {
                strict_usage: false,
                ..rules()
            },
        ),
        "serverAuth",
    );
    let mut internal = Leaf::rsa(RsaKeySize::_2048);
    internal.params.extended_key_usages = vec![Eku::ServerAuth];
    assert_invalid(internal.check("ccs_internode_encryption", rules()), "clientAuth");
    assert_eq!(
        internal.check(
            "ccs_internode_encryption",
            Rules {
                internode_clients: false,
                ..rules()
            }
        ),
        Ok(())
    );
    let unlimited = Leaf::with(|params| params.extended_key_usages.clear());
    assert_eq!(unlimited.check("proxy", rules()), Ok(()));
}

#[test]
fn key_usage_must_allow_signatures() {
    let leaf = Leaf::with(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    assert_invalid(leaf.check("cm", rules()), "digitalSignature");
}

#[test]
fn a_chain_goes_from_leaf_to_root_and_may_leave_the_root_out() {
    let proxy = named("proxy", Profile::V8_2_0).unwrap();
    let ([leaf, middle, root], key) = chain();
    for good in [
        [&*leaf, &middle, &root].concat(),
        [&*leaf, &middle].concat(),
        leaf.clone(),
    ] {
        assert_eq!(check(proxy, &good, &key, rules()), Ok(()));
    }
    for bad in [
        [&*leaf, &root, &middle].concat(),
        [&*leaf, &root].concat(),
        [&*leaf, &*leaf].concat(),
    ] {
        assert_invalid(check(proxy, &bad, &key, rules()), "broken chain");
    }
    assert_invalid(
        check(proxy, &[&*middle, &leaf].concat(), &key, rules()),
        "does not belong",
    );
}

#[test]
fn every_certificate_had_to_have_a_common_name_by_a_defect() {
    let nameless = Leaf::with(|params| params.distinguished_name = DistinguishedName::new());
    assert_invalid(
        nameless.check(
            "proxy",
            Rules {
                names_wanted: true,
                ..rules()
            },
        ),
        "no Common Name",
    );
    assert_eq!(nameless.check("proxy", rules()), Ok(()));
}

#[test]
fn internode_certificates_are_rsa() {
    assert_invalid(Leaf::new().check("data_internode_encryption", rules()), "RSA");
    assert_eq!(
        Leaf::rsa(RsaKeySize::_2048).check("data_internode_encryption", rules()),
        Ok(())
    );
}

#[test]
fn certificates_without_a_key_are_bundles_in_any_order() {
    let ca = named("mtls_trusted_ca", Profile::V8_2_0).unwrap();
    let ([leaf, middle, root], _) = chain();
    assert_eq!(check(ca, &[&*root, &leaf, &middle].concat(), "", rules()), Ok(()));
}

#[test]
fn a_key_must_suit_the_cipher_suites_since_8_2() {
    let (ec, rsa) = (KeyType::Ec, KeyType::Rsa { bits: 2048 });
    for (ciphers, ec_suits, rsa_suits) in [
        ("DEFAULT:!3DES", true, true),
        ("HIGH:!aECDSA", false, true),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", true, false),
        ("ECDHE-RSA-AES128-GCM-SHA256:!MD5", false, true),
        ("AES128-GCM-SHA256", false, true),
        ("", true, true),
    ] {
        assert_eq!(
            (ec.suits(ciphers), rsa.suits(ciphers)),
            (ec_suits, rsa_suits),
            "{ciphers}"
        );
    }
    let only_rsa = Rules {
        ciphers: Some("ECDHE-RSA-AES128-GCM-SHA256"),
        ..rules()
    };
    assert_invalid(Leaf::new().check("api", only_rsa), "cipher");
    assert_eq!(
        Leaf::new().check(
            "api",
            Rules {
                profile: Profile::V8_0_20,
                ..only_rsa
            }
        ),
        Ok(())
    );
}

#[test]
fn what_is_minted_for_a_cluster_passes_as_an_upload() {
    let source = mint::source(now(), mint::KeyKind::Ecdsa).unwrap();
    let order = |generation| CertificateOrder {
        at: now(),
        cluster_name: "rs.example.com".into(),
        certificate: "proxy".into(),
        generation,
    };
    let TlsIdentity { chain_pem, key_pem } = source.issue(&order(0));
    assert_eq!(
        check(
            named("proxy", Profile::V8_2_0).unwrap(),
            &chain_pem,
            &key_pem,
            rules()
        ),
        Ok(())
    );
    let leaf = read_bundle(&chain_pem).unwrap().remove(0);
    assert_eq!(leaf.common_name.as_deref(), Some("rs.example.com"));
    assert_eq!(
        leaf.not_after,
        (now() + SignedDuration::from_hours(365 * 24)).as_second()
    );
    assert_ne!(
        fingerprint(&chain_pem),
        fingerprint(&source.issue(&order(1)).chain_pem)
    );
}

#[test]
fn fingerprints_are_lower_case_hexadecimal_and_told_apart() {
    let pem = mint::node("node1", &["127.0.0.11"], now(), mint::KeyKind::Ecdsa)
        .unwrap()
        .chain_pem;
    assert_eq!(fingerprint(&pem).len(), 64);
    assert_ne!(fingerprint(&pem), public_key_fingerprint(&pem));
    assert_eq!(fingerprint("no certificate"), "");
}
