//! ClusterCertificate, end to end in one process.

use crate::fleet::NAME;
use crate::support::certs;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::certificate;
use crate::support::manifests::cluster;
use crate::support::manifests::secret;
use crate::support::manifests::tls_secret;
use crate::support::site::Site;
use crate::support::site::config;
use regent::sim;
use regent::sim::Effect;
use regent::sim::FaultPlan;
use regent::sim::NodeIndex;
use regent::sim::Rule;
use serde_json::json;

const CERTIFICATES: &str = "clustercertificates";

fn of_profile(profile: sim::Profile) -> Site {
    let mut config = config(3);
    config.profile = profile;
    Site::new(sim::World::new(config))
}

/// Fingerprints of a certificate on each of three nodes.
fn installed(site: &Site, name: &str) -> Vec<String> {
    let world = site.machines.world();
    let chain = |place| match name {
        "api" => world.presented(NodeIndex(place)).unwrap().chain_pem.clone(),
        other => world
            .installed(NodeIndex(place), other)
            .unwrap()
            .chain_pem
            .clone(),
    };
    (0..3)
        .map(|place| sim::certs::fingerprint(&chain(place)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn certificates_are_replaced_on_every_node_by_the_call_that_the_version_knows() {
    let calls = [
        (sim::Profile::V7_4_6, "/v1/cluster/update_cert"),
        (sim::Profile::V8_2_0, "/v1/cluster/certificates"),
    ];
    for (profile, path) in calls {
        let mut site = of_profile(profile);
        site.api.apply("redisclusters", cluster(3));
        for role in ["proxy", "api", "metrics_exporter"] {
            site.api.apply("secrets", tls_secret(role, &certs::own(&site)));
            site.api.apply(CERTIFICATES, certificate(role));
        }
        site.start();
        site.settle().await;
        for role in ["proxy", "api", "metrics_exporter"] {
            let name = role.replace('_', "-");
            site.assert_ready(CERTIFICATES, &name);
            let wanted = sim::certs::fingerprint(&site.secret(&format!("{role}-tls"), "tls.crt").unwrap());
            assert_eq!(
                installed(&site, role),
                vec![wanted.clone(); 3],
                "{role} on {profile}"
            );
            assert_eq!(
                site.api.object(CERTIFICATES, &name).unwrap()["status"]["fingerprint"],
                wanted
            );
        }
        site.assert_ready("redisclusters", CLUSTER);
        assert_eq!(site.effective("PUT", path), 3, "{profile}");
        site.assert_silent().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_secret_reaches_every_node() {
    let mut site = Site::fresh(3);
    site.api.apply("redisclusters", cluster(3));
    site.api.apply("secrets", tls_secret("api", &certs::own(&site)));
    site.api.apply(CERTIFICATES, certificate("api"));
    site.start();
    site.settle().await;
    let before = installed(&site, "api");

    let renewed = certs::own(&site);
    site.set_secret(
        "api-tls",
        &[("tls.crt", &renewed.chain_pem), ("tls.key", &renewed.key_pem)],
    );
    site.settle().await;
    site.assert_ready(CERTIFICATES, "api");
    site.assert_ready("redisclusters", CLUSTER);
    let after = installed(&site, "api");
    assert_eq!(after, vec![sim::certs::fingerprint(&renewed.chain_pem); 3]);
    assert_ne!(before, after);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_vouches_makes_the_recorded_pin_superfluous() {
    let mut site = Site::fresh(3);
    let authority = certs::Authority::new(&site);
    let mut wanted = cluster(3);
    wanted["spec"]["tls"]["caSecretRef"] = json!({"name": "ca"});
    site.api
        .apply("secrets", secret("ca", &[("ca.crt", &authority.pem())]));
    site.api.apply("redisclusters", wanted);
    site.api
        .apply("secrets", tls_secret("api", &authority.issue(NAME)));
    site.api.apply(CERTIFICATES, certificate("api"));
    site.start();
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    site.assert_ready(CERTIFICATES, "api");
    let status = &site.api.object("redisclusters", CLUSTER).unwrap()["status"];
    assert!(status["apiCertificatePin"].is_null(), "{status:#}");
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn what_reached_some_nodes_only_is_sent_again_until_all_have_it() {
    let mut site = Site::fresh(3);
    site.api.apply("redisclusters", cluster(3));
    site.start();
    site.settle().await;
    let partial = Rule {
        method: Some("PUT".to_owned()),
        path: Some("/v1/cluster/certificates".to_owned()),
        node: None,
        skip: 0,
        count: Some(1),
        effect: Effect::CertificatesOn(1),
    };
    site.machines
        .world()
        .set_faults(FaultPlan { rules: vec![partial] });
    site.api.apply("secrets", tls_secret("proxy", &certs::own(&site)));
    site.api.apply(CERTIFICATES, certificate("proxy"));
    site.settle().await;
    site.assert_ready(CERTIFICATES, "proxy");
    let wanted = sim::certs::fingerprint(&site.secret("proxy-tls", "tls.crt").unwrap());
    assert_eq!(installed(&site, "proxy"), vec![wanted; 3]);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn deleting_the_object_leaves_the_certificate() {
    let mut site = Site::fresh(3);
    site.api.apply("redisclusters", cluster(3));
    site.api.apply("secrets", tls_secret("proxy", &certs::own(&site)));
    site.api.apply(CERTIFICATES, certificate("proxy"));
    site.start();
    site.settle().await;
    let before = (installed(&site, "proxy"), site.mark().requests);
    site.api.delete(CERTIFICATES, "proxy");
    site.settle().await;
    assert_eq!(site.api.object(CERTIFICATES, "proxy"), None);
    assert_eq!((installed(&site, "proxy"), site.mark().requests), before);
}
