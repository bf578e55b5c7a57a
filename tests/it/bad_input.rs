//! What users get wrong: each mistake is told on the object, with what to do about it; nothing is sent, nothing is lost.

use crate::fleet::NAME;
use crate::support::certs;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::certificate;
use crate::support::manifests::cluster;
use crate::support::manifests::database;
use crate::support::manifests::secret;
use crate::support::manifests::tls_secret;
use crate::support::site::Site;
use crate::support::site::config;
use regent::sim;
use regent::sim::NodeIndex;
use regent::sim::TlsIdentity;
use serde_json::Value;
use serde_json::json;

const DATABASES: &str = "redisdatabases";
const CERTIFICATES: &str = "clustercertificates";

/// Checks that an object says what is wrong, and that nothing has been sent since `before`.
#[track_caller]
fn told(site: &Site, before: usize, plural: &str, name: &str, reason: &str, words: &[&str]) {
    let object = site.api.object(plural, name).unwrap();
    let (ready, _) = site.condition(plural, name, "Ready");
    let types = ["Stalled", "Ready", "Reconciling"];
    let told = types
        .into_iter()
        .find(|type_| site.condition(plural, name, type_).1 == reason);
    let message = told
        .map(|type_| site.message(plural, name, type_))
        .unwrap_or_default();
    assert!(
        told.is_some(),
        "{plural}/{name} does not say {reason}: {:#}",
        object["status"]
    );
    assert_ne!(ready, "True", "{:#}", object["status"]);
    for word in words {
        assert!(message.contains(word), "{message:?} does not name {word}");
    }
    assert_eq!(site.mark().requests, before, "{:#?}", site.mutations());
}

/// A cluster that stands, with one database of its own.
async fn standing() -> Site {
    let site = Site::settled(3, &[(DATABASES, database("healthy"))]).await;
    site.assert_ready(DATABASES, "healthy");
    site
}

/// What was there before is there still.
fn unharmed(site: &Site) {
    assert_eq!(site.bdb("healthy")["status"], "active");
    site.assert_ready(DATABASES, "healthy");
    site.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_missing_incomplete_or_garbage() {
    let rows: [(Option<Value>, &str, &[&str]); 3] = [
        (None, "SecretNotFound", &["redis/admin", "create it"]),
        (
            Some(secret("admin", &[("username", "admin@example.com")])),
            "SecretInvalid",
            &["redis/admin", "`password`", "add it"],
        ),
        (
            Some(secret(
                "admin",
                &[("username", "admin@example.com"), ("password", "")],
            )),
            "SecretInvalid",
            &["redis/admin", "`password`"],
        ),
    ];
    for (admin, reason, words) in rows {
        let mut site = Site::fresh(3);
        site.api.delete("secrets", "admin");
        if let Some(admin) = admin {
            site.api.apply("secrets", admin);
        }
        site.api.apply("redisclusters", cluster(3));
        site.start();
        // A reference may be applied after what refers to it.
        tokio::time::sleep(std::time::Duration::from_secs(150)).await;
        site.settle().await;
        told(&site, 0, "redisclusters", CLUSTER, reason, words);

        site.api.delete("secrets", "admin");
        site.api.apply("secrets", crate::support::manifests::admin());
        site.settle().await;
        site.assert_ready("redisclusters", CLUSTER);
    }
}

#[tokio::test(start_paused = true)]
async fn certificates_that_cannot_be_used() {
    let site = standing().await;
    let (good, other, expired) = (certs::own(&site), certs::own(&site), certs::expired(&site));
    let mixed = TlsIdentity {
        chain_pem: good.chain_pem.clone(),
        key_pem: other.key_pem,
    };
    let garbage = TlsIdentity {
        chain_pem: "not a certificate".to_owned(),
        key_pem: good.key_pem.clone(),
    };
    let rows = [
        (
            "proxy",
            tls_secret("proxy", &mixed),
            "CertificateInvalid",
            vec!["proxy-tls"],
        ),
        (
            "cm",
            tls_secret("cm", &expired),
            "CertificateInvalid",
            vec!["cm-tls", "expired"],
        ),
        (
            "syncer",
            tls_secret("syncer", &garbage),
            "CertificateInvalid",
            vec!["syncer-tls"],
        ),
        (
            "api",
            secret("api-tls", &[("tls.crt", &good.chain_pem)]),
            "SecretInvalid",
            vec!["api-tls", "`tls.key`"],
        ),
    ];
    let before = site.mark().requests;
    for (role, pair, _, _) in &rows {
        site.api.apply("secrets", pair.clone());
        site.api.apply(CERTIFICATES, certificate(role));
    }
    site.api.apply(CERTIFICATES, certificate("metrics_exporter"));
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    site.settle().await;
    for (role, _, reason, words) in &rows {
        told(&site, before, CERTIFICATES, role, reason, words);
    }
    told(
        &site,
        before,
        CERTIFICATES,
        "metrics-exporter",
        "SecretNotFound",
        &["metrics_exporter-tls"],
    );
    unharmed(&site);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn an_address_at_which_nobody_listens() {
    let mut site = Site::fresh(3);
    let mut wanted = cluster(3);
    wanted["spec"]["nodes"][1]["address"] = json!("10.0.0.77");
    site.api.apply("redisclusters", wanted);
    site.start();
    site.settle().await;
    told(
        &site,
        0,
        "redisclusters",
        CLUSTER,
        "ClusterUnreachable",
        &["n2", "10.0.0.77"],
    );
    site.assert_silent().await;

    site.api.edit("redisclusters", CLUSTER, |object| {
        object["spec"]["nodes"][1]["address"] = json!("10.0.0.2")
    });
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_belongs_to_another_cluster() {
    let mut world = sim::World::new(config(3));
    let formation = sim::Formation {
        members: 1,
        ..sim::Formation::new("other.example.com", "boss@example.com", "other")
    };
    world.form(&formation).unwrap();
    let mut site = Site::new(world);
    site.api.apply("redisclusters", cluster(3));
    site.start();
    site.settle().await;
    told(
        &site,
        0,
        "redisclusters",
        CLUSTER,
        "IdentityMismatch",
        &["10.0.0.1", "another cluster", "reinstall"],
    );
    assert_eq!(site.machines.world().clusters(), 1);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_name_that_somebody_elses_database_has() {
    let site = standing().await;
    site.meddle(
        "POST",
        "/v1/bdbs",
        &json!({"name": "theirs", "memory_size": 100 << 20, "redis_version": "7.2"}),
    );
    site.settle().await;
    let (before, theirs) = (site.mark().requests, site.bdb("theirs"));
    site.api.apply(DATABASES, database("theirs"));
    site.settle().await;
    told(
        &site,
        before,
        DATABASES,
        "theirs",
        "AlreadyExists",
        &["theirs", "adoptionPolicy: IfUnowned"],
    );
    assert_eq!(site.bdb("theirs")["tags"], theirs["tags"]);
    unharmed(&site);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_a_cluster_that_does_not_exist() {
    let mut site = Site::fresh(1);
    site.api.apply(DATABASES, database("lost"));
    site.start();
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    site.settle().await;
    told(
        &site,
        0,
        DATABASES,
        "lost",
        "RefNotFound",
        &[CLUSTER, "create it"],
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_password_secret_that_is_missing_or_lacks_its_key() {
    let site = standing().await;
    let before = site.mark().requests;
    let wants = |name: &str, secret: &str| {
        let mut object = database(name);
        object["spec"]["passwordSecretRef"] = json!({"name": secret});
        object
    };
    site.api.apply("secrets", secret("empty", &[("other", "x")]));
    site.api.apply(DATABASES, wants("a", "missing"));
    site.api.apply(DATABASES, wants("b", "empty"));
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    site.settle().await;
    told(
        &site,
        before,
        DATABASES,
        "a",
        "SecretNotFound",
        &["redis/missing", "create it"],
    );
    told(
        &site,
        before,
        DATABASES,
        "b",
        "SecretInvalid",
        &["redis/empty", "`password`"],
    );
    unharmed(&site);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_nothing_vouches_for() {
    let mut site = Site::fresh(3);
    let mut wanted = cluster(3);
    wanted["spec"].as_object_mut().unwrap().remove("tls");
    site.api.apply("redisclusters", wanted);
    site.start();
    site.settle().await;
    told(
        &site,
        0,
        "redisclusters",
        CLUSTER,
        "TlsVerifyFailed",
        &["pin: sha256/", "trustOnFirstUse"],
    );
    let world = site.machines.world();
    assert!(
        world.log().is_empty(),
        "nothing but handshakes: {:?}",
        world.log()
    );
    let shown = world.presented(NodeIndex(0)).unwrap().chain_pem.clone();
    drop(world);
    assert_ne!(sim::certs::public_key_fingerprint(&shown), "");
    assert_eq!(
        site.api.object("redisclusters", CLUSTER).unwrap()["spec"]["clusterName"],
        NAME
    );
}
