//! A wrong password never locks the account: Redis Enterprise does that after five failed logins.

use crate::support::manifests::CLUSTER;
use crate::support::manifests::PASSWORD;
use crate::support::manifests::database;
use crate::support::site::INTERVAL;
use crate::support::site::Site;
use crate::support::site::many;
use std::time::Duration;

/// Requests whose credentials the machines rejected.
fn failed_logins(site: &Site) -> usize {
    let world = site.machines.world();
    world
        .log()
        .iter()
        .filter(|entry| entry.status == 401 && !entry.user.is_empty())
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_with_three_hundred_databases_and_ten_restarts_fails_four_times_at_most() {
    let mut site = many(300).await;
    assert_eq!(failed_logins(&site), 0);
    site.set_secret("admin", &[("password", "canary-wrong")]);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(90)).await;
        let plan = site.plan().await;
        assert!(plan.contains("401"), "{plan}");
        site.start();
    }
    assert!(
        (1..=4).contains(&failed_logins(&site)),
        "{} failed logins",
        failed_logins(&site)
    );
    let rejected = &site.api.object("redisclusters", CLUSTER).unwrap()["status"]["rejectedCredentials"];
    assert!(rejected["secretVersion"].is_string(), "{rejected}");
    assert_eq!(
        site.condition("redisclusters", CLUSTER, "Stalled"),
        ("True".into(), "CredentialsRejected".into())
    );

    // The process that was started last has to take over first.
    tokio::time::sleep(2 * INTERVAL).await;
    site.set_secret("admin", &[("password", PASSWORD)]);
    tokio::time::sleep(INTERVAL + Duration::from_secs(2)).await;
    site.assert_ready("redisclusters", CLUSTER);
    site.settle().await;
    site.assert_ready("redisdatabases", "db-7");
    assert!(site.api.object("redisclusters", CLUSTER).unwrap()["status"]["rejectedCredentials"].is_null());
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_somebody_changed_in_redis_enterprise_fails_four_times_at_most() {
    let site = Site::settled(3, &[("redisdatabases", database("cache"))]).await;
    let users = site.peek("/v1/users");
    let path = format!("/v1/users/{}", users[0]["uid"]);
    site.meddle("PUT", &path, &serde_json::json!({"password": "canary-changed"}));
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert!(
        (1..=4).contains(&failed_logins(&site)),
        "{} failed logins",
        failed_logins(&site)
    );

    site.set_secret("admin", &[("password", "canary-changed")]);
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    site.assert_ready("redisdatabases", "cache");
}
