//! Packages of modules that users put on one node each.

use super::{not_acceptable, uploads_allowed};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::NodeUid;
use crate::sim::resources::package;
use crate::sim::schema::{self, module::PACKAGED};
use crate::sim::state::Member;
use crate::sim::version::Profile;
use serde_json::{Value, json};

/// The place of the packages that lie on the node that was asked.
fn shelf(ctx: &Ctx<'_>) -> String {
    let own = ctx
        .cluster
        .members
        .values()
        .find(|member: &&Member| member.host == ctx.node);
    shelf_of(own.map_or(NodeUid(0), |member| member.uid))
}

pub(super) fn shelf_of(node: NodeUid) -> String {
    format!("artifacts of node {node}")
}

pub(super) fn artifacts(ctx: &mut Ctx<'_>) -> Answer {
    let kept = ctx.cluster.documents.single(&shelf(ctx));
    Ok(Reply::json(
        kept.into_iter()
            .flatten()
            .map(|(_, artifact)| artifact.clone())
            .collect::<Vec<_>>(),
    ))
}

pub(super) fn upload_artifact(ctx: &mut Ctx<'_>) -> Answer {
    uploads_allowed(ctx)?;
    let (key, artifact) = unpacked(&ctx.call.upload, ctx.env.profile)?;
    let shelf = shelf(ctx);
    let mut kept = ctx.cluster.documents.single(&shelf).cloned().unwrap_or_default();
    kept.insert(key, artifact);
    ctx.cluster.documents.set_single(&shelf, kept);
    ctx.commit();
    Ok(Reply::empty())
}

/// What is kept of a package: under which key, and as the list shows it.
fn unpacked(upload: &[u8], profile: Profile) -> Result<(String, Value), ApiError> {
    let mut metadata = package::metadata(upload)?;
    if !package::has_binary(upload) {
        let text = "the package has no binary of the module";
        return Err(ApiError::bad_request(text).with_code("invalid_module"));
    }
    metadata.retain(|name, _| schema::find(PACKAGED.fields, profile, name).is_some());
    schema::closed(&PACKAGED, profile, &metadata).map_err(not_acceptable)?;
    let part = |name: &str| metadata.get(name).cloned().unwrap_or_default();
    let (name, version) = (part("module_name"), part("version"));
    let needs = match part("dependencies") {
        Value::Object(needs) => json!(needs.keys().collect::<Vec<_>>()),
        Value::Array(needs) => json!(needs),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json!([]),
    };
    let name = name.as_str().unwrap_or_default();
    if name.is_empty() {
        return Err(ApiError::not_acceptable(
            "invalid_module",
            "module.json names no module",
        ));
    }
    let key = format!("{name}/{version}");
    let artifact = json!({"module_name": name, "version": version, "dependencies": needs});
    Ok((key, artifact))
}

pub(super) fn delete_artifact(ctx: &mut Ctx<'_>) -> Answer {
    let part = |name: &str| ctx.call.params.get(name).cloned().unwrap_or_default();
    let key = format!("{}/{}", part("name"), part("version"));
    let shelf = shelf(ctx);
    let mut kept = ctx.cluster.documents.single(&shelf).cloned().unwrap_or_default();
    if kept.remove(&key).is_none() {
        return Err(ApiError::not_found(format!(
            "there is no package {key} on this node"
        )));
    }
    ctx.cluster.documents.set_single(&shelf, kept);
    ctx.commit();
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::description;
    use super::*;
    use crate::sim::fixture::{Fixture, LOGIN};
    use bytes::Bytes;
    use http::Request;

    const PATH: &str = "/v2/local/modules/user-defined/artifacts";

    fn upload(sim: &mut Fixture, bytes: Vec<u8>) -> (u16, Value) {
        let request = Request::post(PATH)
            .header("authorization", LOGIN)
            .header("content-type", "multipart/form-data; boundary=x");
        let got = sim.deliver(0, &request.body(Bytes::from(bytes)).unwrap());
        (got.status, got.json)
    }

    #[test]
    fn a_package_is_read_and_lies_on_the_node_that_took_it() {
        let mut sim = Fixture::cluster(2, 2);
        sim.admin(0, "PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
        for needs in [json!(["other"]), json!({"other": {}})] {
            let mut packed = description();
            packed["dependencies"] = needs;
            let package = package::tests::package(packed.to_string().as_bytes());
            assert_eq!(upload(&mut sim, package), (200, Value::Null));
            let artifact = json!({"module_name": "mine", "version": 10203, "dependencies": ["other"]});
            assert_eq!(sim.admin(0, "GET", PATH, Value::Null).json, json!([artifact]));
        }
        assert_eq!(sim.admin(1, "GET", PATH, Value::Null).json, json!([]));
        for status in [200, 404] {
            let path = format!("{PATH}/mine/10203");
            assert_eq!(sim.admin(0, "DELETE", &path, Value::Null).status, status);
        }
    }

    #[test]
    fn a_package_that_lacks_something_is_refused() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(0, "PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
        let mut status = |bytes| upload(&mut sim, bytes).0;
        let whole = description().to_string();
        assert_eq!(status(Vec::new()), 400);
        assert_eq!(status(b"no package".to_vec()), 400);
        assert_eq!(status(package::tests::bare(whole.as_bytes())), 400);
        assert_eq!(status(package::tests::package(b"[]")), 406);
        let optional = ["display_name", "command_line_args"];
        for field in description().as_object().unwrap().keys() {
            let mut packed = description();
            packed.as_object_mut().unwrap().remove(field);
            let wanted = if optional.contains(&field.as_str()) {
                200
            } else {
                406
            };
            let package = package::tests::package(packed.to_string().as_bytes());
            assert_eq!(status(package), wanted, "without {field}");
        }
    }
}
