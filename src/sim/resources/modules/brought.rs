//! Modules that a bootstrap names: every node fetches them for itself, and what it cannot fetch stops nothing.

use super::FAMILY;
use super::artifact::shelf_of;
use crate::sim::ids::NodeUid;
use crate::sim::resources::catalog;
use crate::sim::schema::{self, module::USER_DEFINED};
use crate::sim::state::Cluster;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// Version of a module whose package does not say it in its name.
const UNNAMED: &str = "1.0.0";

/// Puts the packages that a bootstrap names on the node and their modules into the cluster, where they are not there yet.
/// Gives a warning for each that cannot be fetched.
pub(crate) fn bring(cluster: &mut Cluster, profile: Profile, node: NodeUid, request: &Value) -> Vec<Value> {
    let wanted = request.get("user_defined_modules").and_then(Value::as_array);
    let mut warnings = Vec::new();
    for module in wanted.into_iter().flatten() {
        let text = |pointer: &str| {
            module
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (name, url) = (text("/name"), text("/location/url"));
        if is_address(url, text("/location/location_type")) {
            install(cluster, profile, node, name, &version_of(url));
        } else {
            warnings.push(json!({
                "warning_type": "module_download_failed", "message": format!("{url} is no address"),
                "details": {"module_name": name},
            }));
        }
    }
    warnings
}

/// Whether a package could lie at `url`.
fn is_address(url: &str, scheme: &str) -> bool {
    let rest = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    rest.and_then(|rest| rest.split('/').next())
        .is_some_and(|host| !host.is_empty())
}

/// The version at the end of the package's name, as in `module-2.0.0.zip`.
fn version_of(url: &str) -> String {
    let file = url.rsplit('/').next().unwrap_or_default();
    let name = file
        .split('?')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".zip");
    let start = name.rfind(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let version = start.map_or(name, |start| name.get(start + 1..).unwrap_or_default());
    let sound = version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u64>().is_ok());
    if sound { version } else { UNNAMED }.to_owned()
}

fn install(cluster: &mut Cluster, profile: Profile, node: NodeUid, name: &str, semantic_version: &str) {
    let version = catalog::number(semantic_version);
    let shelf = shelf_of(node);
    let mut kept = cluster.documents.single(&shelf).cloned().unwrap_or_default();
    let artifact = json!({"module_name": name, "version": version, "dependencies": []});
    kept.insert(format!("{name}/{version}"), artifact);
    cluster.documents.set_single(&shelf, kept);
    let uid = json!(catalog::uid(name, semantic_version));
    let same = |(_, module): (u64, &Map<String, Value>)| module.get("uid") == Some(&uid);
    if cluster.documents.all(FAMILY).any(same) {
        return;
    }
    let mut module: Map<String, Value> = schema::defaults(USER_DEFINED, profile);
    for (key, value) in [
        ("uid", uid),
        ("module_name", json!(name)),
        ("display_name", json!(name)),
        ("semantic_version", json!(semantic_version)),
        ("version", json!(version)),
    ] {
        module.insert(key.to_owned(), value);
    }
    let key = cluster.documents.next_uid(FAMILY);
    cluster.documents.put(FAMILY, key, module);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    fn named(name: &str, url: &str) -> Value {
        json!({"name": name, "location": {"location_type": "https", "url": url}})
    }

    fn own(sim: &mut Fixture) -> Vec<(Value, Value)> {
        let all = sim.admin(0, "GET", "/v1/modules", Value::Null).json;
        let own = all.as_array().unwrap().iter();
        own.filter(|module| module["is_bundled"] == false)
            .map(|module| (module["module_name"].clone(), module["semantic_version"].clone()))
            .collect()
    }

    fn artifacts(sim: &mut Fixture, node: usize) -> usize {
        let path = "/v2/local/modules/user-defined/artifacts";
        sim.admin(node, "GET", path, Value::Null)
            .json
            .as_array()
            .unwrap()
            .len()
    }

    #[test]
    fn modules_that_a_bootstrap_names_are_in_the_cluster_and_on_the_nodes_that_brought_them() {
        let modules = json!([
            named("ModuleA", "https://modules.example.com/module-a-2.5.0.zip"),
            named("ModuleB", "https://modules.example.com/latest.zip"),
        ]);
        let mut sim = Fixture::fresh(3);
        let mut body = sim.create_body();
        body["user_defined_modules"] = modules.clone();
        assert_eq!(
            sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body)
                .status,
            200
        );
        sim.pass(60);
        let wanted = [("ModuleA", "2.5.0"), ("ModuleB", "1.0.0")];
        let wanted = wanted.map(|(name, version)| (json!(name), json!(version)));
        assert_eq!(own(&mut sim), wanted);
        let mut body = sim.join_body(1);
        body["user_defined_modules"] = modules;
        assert_eq!(sim.bootstrap_error(1, body), "");
        let body = sim.join_body(2);
        assert_eq!(sim.bootstrap_error(2, body), "");
        assert_eq!(own(&mut sim), wanted);
        assert_eq!([0, 1, 2].map(|node| artifacts(&mut sim, node)), [2, 2, 0]);
    }

    #[test]
    fn a_module_that_cannot_be_fetched_is_a_warning_and_no_failure() {
        let mut sim = Fixture::cluster(1, 2);
        let mut body = sim.join_body(1);
        body["user_defined_modules"] = json!([
            named("Lost", "modules.example.com/lost-1.0.0.zip"),
            named("Found", "https://modules.example.com/found-1.0.0.zip"),
        ]);
        assert_eq!(sim.bootstrap_error(1, body), "");
        let status = sim.admin(1, "GET", "/v1/bootstrap", Value::Null).json["bootstrap_status"].clone();
        assert_eq!(status["state"], "completed");
        let warning = &status["warnings"][0];
        assert_eq!(
            (&warning["warning_type"], &warning["details"]["module_name"]),
            (&json!("module_download_failed"), &json!("Lost"))
        );
        assert_eq!(own(&mut sim).len(), 1);
    }

    #[test]
    fn a_description_of_a_module_is_held_against_its_table() {
        for (module, status) in [
            (named("a", "https://example.com/a.zip"), 200),
            (json!({"name": "a"}), 406),
            (
                json!({"name": "a", "location": {"location_type": "ftp", "url": "ftp://example.com"}}),
                406,
            ),
            (json!({"name": "a", "location": {"location_type": "http"}}), 406),
        ] {
            let mut sim = Fixture::fresh(1);
            let mut body = sim.create_body();
            body["user_defined_modules"] = json!([module]);
            let reply = sim.send(0, "POST", "/v1/bootstrap/validate/create_cluster", None, body);
            assert_eq!(reply.status, status, "{module}");
        }
    }
}
