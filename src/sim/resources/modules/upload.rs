//! Modules as versions before 8 take them: a whole package at once, and gone with what it depends on.

use super::{delete, kept, wanted};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::resources::catalog::number;
use crate::sim::resources::package;
use crate::sim::schema::module::USER_DEFINED;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// The operating system of every simulated node.
const OS: &str = "ubuntu";

/// A whole package at once, as versions before 8 have it.
pub(super) fn upload(ctx: &mut Ctx<'_>) -> Answer {
    let module = received(ctx)?;
    if depends(&module) {
        let text = "modules with dependencies are uploaded through /v2/modules";
        return Err(ApiError::bad_request(text).with_code("dependencies_not_supported"));
    }
    Ok(Reply::json(installed(ctx, &module)?))
}

/// The same with dependencies, and an action to follow.
pub(super) fn upload_v2(ctx: &mut Ctx<'_>) -> Answer {
    let module = received(ctx)?;
    let sound = |dependency: &Value| {
        ["url", "sha256"]
            .iter()
            .all(|key| dependency.get(key).is_some_and(Value::is_string))
    };
    let dependencies = module.get("dependencies");
    if dependencies.is_some_and(|all| !all.as_object().is_some_and(|all| all.values().all(sound))) {
        let text = "dependencies: each has a url and a sha256";
        return Err(ApiError::bad_request(text).with_code("invalid_dependency_data"));
    }
    let mut shown = installed(ctx, &module)?;
    let uid = shown.get("uid").and_then(Value::as_str).unwrap_or_default();
    let action_uid = followed(ctx, "SMUploadModule", uid);
    shown.insert("action_uid".to_owned(), json!(action_uid));
    Ok(Reply::json(shown))
}

/// The uid of an action that has done its work on this module.
fn followed(ctx: &mut Ctx<'_>, action: &'static str, module: &str) -> String {
    let object = format!("module:{module}");
    let machines = &mut ctx.cluster.machines;
    let action_uid = machines.start(&mut ctx.env.ids, ctx.env.now, action, object);
    machines.finish(&action_uid, ctx.env.now, None);
    action_uid
}

/// What an uploaded package says of its module, if this cluster can take it.
fn received(ctx: &Ctx<'_>) -> Result<Map<String, Value>, ApiError> {
    let refuse = |code: &str, text: String| Err(ApiError::bad_request(text).with_code(code));
    let module = package::metadata(&ctx.call.upload).map_err(bad_request)?;
    let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("module_name").is_empty() || text("semantic_version").is_empty() {
        let text = "module.json lacks module_name or semantic_version";
        return refuse("invalid_module", text.to_owned());
    }
    let least = text("min_redis_pack_version");
    if number(least) > number(&ctx.env.profile.to_string()) {
        return refuse(
            "min_redis_pack_version",
            format!("the module needs version {least} of the cluster"),
        );
    }
    let platforms = module.get("platforms").and_then(Value::as_object);
    if platforms.is_some_and(|all| !all.keys().any(|name| name.to_ascii_lowercase().starts_with(OS))) {
        return refuse("os_not_supported", format!("the module is not made for {OS}"));
    }
    Ok(module)
}

fn depends(module: &Map<String, Value>) -> bool {
    let dependencies = module.get("dependencies").and_then(Value::as_object);
    dependencies.is_some_and(|all| !all.is_empty())
}

/// Everything that is wrong with a whole package is 400.
fn bad_request(error: ApiError) -> ApiError {
    error.with_status(StatusCode::BAD_REQUEST)
}

/// Keeps an uploaded module.
fn installed(ctx: &mut Ctx<'_>, module: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let known = module
        .iter()
        .filter(|(key, _)| USER_DEFINED.iter().any(|field| field.name == *key));
    let known: Map<String, Value> = known.map(|(key, value)| (key.clone(), value.clone())).collect();
    let dependencies = module.get("dependencies").cloned().unwrap_or(json!({}));
    let more = Map::from_iter([("dependencies".to_owned(), dependencies)]);
    kept(ctx, &known, more).map_err(bad_request)
}

/// A module with dependencies goes through the second version of the call only.
pub(super) fn delete_v1(ctx: &mut Ctx<'_>) -> Answer {
    let module = wanted(ctx)?;
    if module.as_object().is_some_and(depends) {
        let text = "modules with dependencies are deleted through /v2/modules";
        return Err(ApiError::not_acceptable("dependencies_not_supported", text));
    }
    delete(ctx)
}

/// Deletes a module with what it depends on, and gives an action to follow.
pub(super) fn delete_v2(ctx: &mut Ctx<'_>) -> Answer {
    delete(ctx)?;
    let uid = ctx.call.params.get("uid").cloned().unwrap_or_default();
    let action_uid = followed(ctx, "SMDeleteModule", &uid);
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::{Fixture, Got, LOGIN};
    use crate::sim::version::Profile;
    use bytes::Bytes;
    use http::Request;

    fn post(sim: &mut Fixture, path: &str, description: &str) -> Got {
        let request = Request::post(path)
            .header("authorization", LOGIN)
            .header("content-type", "multipart/form-data; boundary=x");
        let package = package::tests::package(description.as_bytes());
        sim.deliver(0, &request.body(Bytes::from(package)).unwrap())
    }

    #[test]
    fn a_module_with_dependencies_comes_and_goes_through_the_second_version_of_the_calls() {
        let mut sim = Fixture::cluster_of(Profile::V7_22_2, 1);
        let description = r#"{"module_name":"m","semantic_version":"1.2.3","dependencies":{"d":{"url":"https://example.com/d","sha256":"0"}}}"#;
        assert_eq!(post(&mut sim, "/v1/modules", description).status, 400);
        let made = post(&mut sim, "/v2/modules", description);
        assert_eq!((made.status, &made.json["version"]), (200, &json!(10203)));
        let action = made.json["action_uid"].as_str().unwrap();
        let followed = sim.admin(0, "GET", &format!("/v1/actions/{action}"), Value::Null);
        assert_eq!(followed.json["status"], "completed");
        let uid = made.json["uid"].as_str().unwrap();
        let shown = sim
            .admin(0, "GET", &format!("/v1/modules/{uid}"), Value::Null)
            .json;
        assert_eq!(shown["dependencies"]["d"]["sha256"], "0");
        for (version, status) in [("v1", 406), ("v2", 200), ("v2", 404)] {
            let path = format!("/{version}/modules/{uid}");
            assert_eq!(
                sim.admin(0, "DELETE", &path, Value::Null).status,
                status,
                "{version}"
            );
        }
    }

    #[test]
    fn older_versions_take_whole_packages() {
        let description = r#"{"module_name":"mine","semantic_version":"1.0.0","sha256":"0"}"#;
        let mut sim = Fixture::cluster_of(Profile::V7_22_2, 1);
        let made = post(&mut sim, "/v2/modules", description);
        assert_eq!((made.status, &made.json["module_name"]), (200, &json!("mine")));
        let mut later = Fixture::cluster(1, 1);
        assert_eq!(post(&mut later, "/v2/modules", description).status, 404);
    }
}
