//! RedisCluster, end to end in one process.

use crate::fleet::NAME;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::cluster;
use crate::support::manifests::node;
use crate::support::manifests::secret;
use crate::support::site::Site;
use regent::sim::license_text::License;
use serde_json::Value;
use serde_json::json;

const CREATE: &str = "/v1/bootstrap/create_cluster";
const JOIN: &str = "/v1/bootstrap/join_cluster";

fn edit(site: &Site, change: impl FnOnce(&mut Value)) {
    site.api
        .edit("redisclusters", CLUSTER, |object| change(&mut object["spec"]));
}

fn members(site: &Site) -> usize {
    site.peek("/v1/nodes").as_array().unwrap().len()
}

fn in_maintenance(site: &Site) -> Vec<String> {
    let statuses = site.peek("/v1/nodes/status");
    let out = statuses
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, status)| !status["maintenance_snapshot"].is_null());
    out.map(|(uid, _)| uid.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_node_becomes_a_cluster() {
    let site = Site::settled(1, &[]).await;
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!((site.effective("POST", CREATE), members(&site)), (1, 1));
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn three_nodes_become_one_cluster() {
    let site = Site::settled(3, &[]).await;
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(
        (
            site.effective("POST", CREATE),
            site.effective("POST", JOIN),
            members(&site)
        ),
        (1, 2, 3)
    );
    let status = &site.api.object("redisclusters", CLUSTER).unwrap()["status"];
    assert_eq!(status["identity"]["name"], NAME);
    assert_eq!(
        status["identity"]["createdTime"],
        site.peek("/v1/cluster")["created_time"]
    );
    assert!(status["intent"].is_null(), "{status:#}");
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn each_node_that_joins_is_told_by_an_event_of_its_own() {
    let site = Site::settled(3, &[]).await;
    let events = site.api.events();
    let joined = events.iter().filter(|event| event["reason"] == "NodeJoined");
    let mut notes: Vec<&str> = joined.filter_map(|event| event["note"].as_str()).collect();
    notes.sort_unstable();
    let wanted: Vec<String> = (1..=3)
        .map(|node| format!("node n{node} belongs to the cluster, with uid {node}"))
        .collect();
    assert_eq!(notes, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_added_joins_and_one_that_is_dropped_leaves() {
    let mut site = Site::fresh(4);
    site.api.apply("redisclusters", cluster(3));
    site.start();
    site.settle().await;

    edit(&site, |spec| spec["nodes"].as_array_mut().unwrap().push(node(4)));
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(members(&site), 4);

    edit(&site, |spec| {
        drop(spec["nodes"].as_array_mut().unwrap().remove(1))
    });
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    let left: Vec<Value> = site
        .peek("/v1/nodes")
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["addr"].clone())
        .collect();
    assert_eq!(left, ["10.0.0.1", "10.0.0.3", "10.0.0.4"]);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn the_node_that_leads_hands_over_before_it_leaves() {
    let mut site = Site::fresh(4);
    site.api.apply("redisclusters", cluster(4));
    site.start();
    site.settle().await;
    edit(&site, |spec| {
        drop(spec["nodes"].as_array_mut().unwrap().remove(0))
    });
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    let removed = "/v1/nodes/1/actions/remove";
    assert_eq!(
        (
            site.effective("POST", "/v1/cluster/actions/change_master"),
            site.effective("POST", removed)
        ),
        (1, 1)
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_goes_into_maintenance_and_comes_back() {
    let site = Site::settled(3, &[]).await;
    edit(&site, |spec| spec["nodes"][2]["maintenance"] = json!(true));
    site.settle().await;
    assert_eq!(in_maintenance(&site), ["3"]);
    site.assert_silent().await;

    edit(&site, |spec| spec["nodes"][2]["maintenance"] = json!(false));
    site.settle().await;
    assert_eq!(in_maintenance(&site), Vec::<String>::new());
    site.assert_ready("redisclusters", CLUSTER);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn two_nodes_never_go_into_maintenance_together() {
    let site = Site::settled(3, &[]).await;
    edit(&site, |spec| {
        spec["nodes"][1]["maintenance"] = json!(true);
        spec["nodes"][2]["maintenance"] = json!(true);
    });
    site.settle().await;
    assert_eq!(in_maintenance(&site).len(), 1);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn maintenance_that_somebody_else_began_is_left_alone() {
    let site = Site::settled(3, &[]).await;
    site.meddle("POST", "/v1/nodes/2/actions/maintenance_on", &json!({}));
    site.settle().await;
    assert_eq!(in_maintenance(&site), ["2"]);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn settings_and_policy_are_set_and_put_back() {
    let mut site = Site::fresh(3);
    let mut wanted = cluster(3);
    wanted["spec"]["settings"] =
        json!({"handleRedirects": true, "cmSessionTimeoutMinutes": 20, "extra": {"cnm_http_workers": "2"}});
    wanted["spec"]["policy"] =
        json!({"defaultShardsPlacement": "Sparse", "extra": {"slave_ha_grace_period": "120"}});
    site.api.apply("redisclusters", wanted);
    site.start();
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    let settings = || {
        let (cluster, policy) = (site.peek("/v1/cluster"), site.peek("/v1/cluster/policy"));
        let cluster = [
            "handle_redirects",
            "cm_session_timeout_minutes",
            "cnm_http_workers",
        ]
        .map(|key| cluster[key].clone());
        let policy = ["default_shards_placement", "slave_ha_grace_period"].map(|key| policy[key].clone());
        (cluster, policy)
    };
    let set = ([json!(true), json!(20), json!(2)], [json!("sparse"), json!(120)]);
    assert_eq!(settings(), set);
    site.assert_silent().await;

    site.meddle("PUT", "/v1/cluster", &json!({"cm_session_timeout_minutes": 5}));
    site.meddle(
        "PUT",
        "/v1/cluster/policy",
        &json!({"default_shards_placement": "dense"}),
    );
    site.settle().await;
    assert_eq!(settings(), set);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_the_spec_leaves_out_belongs_to_others() {
    let site = Site::settled(1, &[]).await;
    site.meddle("PUT", "/v1/cluster", &json!({"cm_session_timeout_minutes": 7}));
    site.settle().await;
    assert_eq!(site.peek("/v1/cluster")["cm_session_timeout_minutes"], 7);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_licence_is_installed_and_exchanged() {
    let mut site = Site::fresh(3);
    let bought = |site: &Site, shards| License::bought(NAME, shards, site.machines.world().now(), 365).text;
    site.api
        .apply("secrets", secret("licence", &[("license", &bought(&site, 100))]));
    let mut wanted = cluster(3);
    wanted["spec"]["licenseSecretRef"] = json!({"name": "licence"});
    site.api.apply("redisclusters", wanted);
    site.start();
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(site.peek("/v1/license")["shards_limit"], 100);
    site.assert_silent().await;

    site.set_secret("licence", &[("license", &bought(&site, 200))]);
    site.settle().await;
    assert_eq!(site.peek("/v1/license")["shards_limit"], 200);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn deleting_the_object_leaves_the_cluster_and_applying_it_again_takes_it_over() {
    let site = Site::settled(3, &[]).await;
    let pin = site.api.object("redisclusters", CLUSTER).unwrap()["status"]["apiCertificatePin"].clone();
    let before = site.mark();
    site.api.delete("redisclusters", CLUSTER);
    site.settle().await;
    assert_eq!(site.api.object("redisclusters", CLUSTER), None);
    assert_eq!(site.mark().requests, before.requests, "nothing was sent");

    site.api.apply("redisclusters", cluster(3));
    site.settle().await;
    let (status, reason) = site.condition("redisclusters", CLUSTER, "Stalled");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "AlreadyExists"));
    let message = site.message("redisclusters", CLUSTER, "Stalled");
    assert!(
        message.contains("adoptionPolicy: IfUnowned") && message.contains(pin.as_str().unwrap()),
        "{message}"
    );

    edit(&site, |spec| {
        spec["adoptionPolicy"] = json!("IfUnowned");
        spec["tls"]["pins"] = json!([pin]);
    });
    site.settle().await;
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(
        (site.mark().requests, site.effective("POST", CREATE)),
        (before.requests, 1)
    );
    site.assert_silent().await;
}
