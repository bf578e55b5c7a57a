//! Every version and either side of every doubt about Redis Enterprise: all of them converge.

use crate::support::certs;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::certificate;
use crate::support::manifests::cluster;
use crate::support::manifests::database;
use crate::support::manifests::tls_secret;
use crate::support::site::Site;
use crate::support::site::config;
use regent::sim;
use serde_json::json;

/// A cluster, a database with everything, two certificates; then a change of each.
async fn converge(profile: sim::Profile, switches: sim::Switches, bugs: Option<sim::Bugs>) {
    println!("{profile} {switches:?} {bugs:?}");
    let mut config = config(3);
    (config.profile, config.switches, config.bugs) = (profile, switches, bugs);
    let mut site = Site::new(sim::World::new(config));
    site.api.apply("redisclusters", cluster(3));
    let mut object = database("cache");
    object["spec"]["passwordSecretRef"] = json!({"name": "cache-password", "generate": true});
    object["spec"]["connectionSecret"] = json!({"name": "cache-conn"});
    object["spec"]["replication"] = json!(true);
    object["spec"]["tls"] = json!({"mode": "Enabled"});
    site.api.apply("redisdatabases", object);
    for role in ["proxy", "api"] {
        site.api.apply("secrets", tls_secret(role, &certs::own(&site)));
        site.api.apply("clustercertificates", certificate(role));
    }
    site.start();
    site.settle().await;
    let ready = |site: &Site| {
        site.assert_ready("redisclusters", CLUSTER);
        site.assert_ready("redisdatabases", "cache");
        site.assert_ready("clustercertificates", "proxy");
        site.assert_ready("clustercertificates", "api");
    };
    ready(&site);
    site.assert_silent().await;

    site.api.edit("redisclusters", CLUSTER, |object| {
        object["spec"]["nodes"][1]["maintenance"] = json!(true)
    });
    site.api.edit("redisdatabases", "cache", |object| {
        object["spec"]["memorySize"] = json!("200Mi")
    });
    site.set_secret("cache-password", &[("password", "canary-rotated")]);
    site.api.edit("redisdatabases", "cache", |object| {
        object["metadata"]["annotations"] = json!({"regent.dev/reconcile-requested-at": "now"});
    });
    site.settle().await;
    site.api.edit("redisclusters", CLUSTER, |object| {
        object["spec"]["nodes"][1]["maintenance"] = json!(false)
    });
    site.settle().await;
    ready(&site);
    assert_eq!(
        site.secret("cache-conn", "password").as_deref(),
        Some("canary-rotated")
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn versions_converge_with_the_defects_of_their_builds_and_every_doubt_on_its_usual_side() {
    for profile in sim::Profile::ALL {
        converge(profile, sim::Switches::all_default(), None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_converge_with_every_doubt_on_its_other_side() {
    for profile in sim::Profile::ALL {
        converge(profile, sim::Switches::all_alternative(), None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_converge_with_every_admitted_defect_and_with_none() {
    for profile in sim::Profile::ALL {
        for bugs in [sim::Bugs::all(), sim::Bugs::none()] {
            converge(profile, sim::Switches::all_default(), Some(bugs)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_doubt_by_itself_converges() {
    for row in sim::SWITCHES {
        converge(
            sim::Profile::default(),
            sim::Switches::all_default().with(row.switch),
            None,
        )
        .await;
    }
}
