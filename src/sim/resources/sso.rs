//! `/v1/cluster/sso` (single sign-on) and `/v1/ocsp/status`, `/v1/ocsp/test`.

mod metadata;

use super::settings::{OCSP, changed, current, forget, store};
use crate::sim::call::{Answer, ApiError, Ctx, Document, Reply};
use crate::sim::certs::read_bundle;
use crate::sim::permission::Permission::{ConfigSso, TestOcspStatus, ViewOcspStatus, ViewSso};
use crate::sim::route::Route;
use crate::sim::schema::request::IDP_METADATA;
use crate::sim::schema::settings;
use crate::sim::schema::shape;
use crate::sim::version::Profile::V8_0_20;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/sso", ViewSso, shape::SSO, get).since(V8_0_20),
    Route::new("PUT", "/v1/cluster/sso", ConfigSso, shape::NOTHING, put).since(V8_0_20),
    Route::new("DELETE", "/v1/cluster/sso", ConfigSso, shape::NOTHING, delete).since(V8_0_20),
    Route::new("GET", "/v1/cluster/sso/saml/metadata/sp", ViewSso, shape::FILE, service_metadata).since(V8_0_20),
    Route::new("POST", "/v1/cluster/sso/saml/metadata/idp", ConfigSso, shape::SSO, issuer_metadata).since(V8_0_20),
    Route::new("GET", "/v1/ocsp/status", ViewOcspStatus, shape::OCSP_STATUS, status),
    Route::new("POST", "/v1/ocsp/test", TestOcspStatus, shape::OCSP_STATUS, test),
];

const PATH: &str = "/v1/cluster/sso";

type Object = Map<String, Value>;

/// How the issuer knows the service.
struct Saml {
    entity_id: String,
    acs_url: String,
    slo_url: String,
}

/// What follows from the address of the service, or from the cluster if it has none.
fn saml(ctx: &Ctx<'_>, sso: &Object) -> Saml {
    let address = sso
        .get("service")
        .and_then(|service| service.get("address")?.as_str());
    let address = address.filter(|address| !address.is_empty()).map_or_else(
        || format!("https://cnm.{}", ctx.cluster.name),
        |address| address.trim_end_matches('/').to_owned(),
    );
    Saml {
        entity_id: format!("{address}/sp"),
        acs_url: format!("{address}/v1/cluster/sso/saml/acs"),
        slo_url: format!("{address}/v1/cluster/sso/saml/slo"),
    }
}

/// The configuration with what follows from it and from the cluster.
fn shown(ctx: &Ctx<'_>, mut sso: Object) -> Object {
    let Saml {
        entity_id,
        acs_url,
        slo_url,
    } = saml(ctx, &sso);
    if let Some(Value::Object(service)) = sso.get_mut("service") {
        let saml2 = json!({"entity_id": entity_id, "acs_url": acs_url, "slo_url": slo_url});
        service.insert("saml2".to_owned(), saml2);
    }
    sso
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let sso = current(ctx, PATH, settings::SSO);
    Ok(Reply::json(shown(ctx, sso)))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let before = shown(ctx, current(ctx, PATH, settings::SSO));
    let mut after = changed(ctx.env, before, settings::SSO, ctx.call.object()?)?;
    // What follows from the cluster is not kept.
    if let Some(Value::Object(service)) = after.get_mut("service") {
        service.remove("saml2");
    }
    complete(ctx, &after)?;
    store(ctx, PATH, settings::SSO, after);
    Ok(Reply::empty())
}

/// Sign-on that is turned on needs the issuer's name and address, and the certificates of both sides. The service has an address
/// by itself, and the issuer need not have one for logging out (objects/sso, security/access-control/saml-sso).
fn complete(ctx: &Ctx<'_>, sso: &Object) -> Result<(), ApiError> {
    if sso.get("control_plane") != Some(&json!(true)) {
        return Ok(());
    }
    for key in ["id", "login_url"] {
        if sso.get("issuer").and_then(|issuer| issuer.get(key)).is_none() {
            let text = format!("issuer.{key} is needed to turn single sign-on on");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "missing_param", text));
        }
    }
    certificate(ctx, "sso_service")?;
    certificate(ctx, "sso_issuer")
}

fn certificate(ctx: &Ctx<'_>, name: &str) -> Result<(), ApiError> {
    if ctx.cluster.certificates.contains_key(name) {
        return Ok(());
    }
    Err(ApiError::not_acceptable(
        "missing_certificate",
        format!("the certificate {name} is not installed"),
    ))
}

/// Forgets the configuration and both certificates.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx, PATH);
    for name in ["sso_service", "sso_issuer"] {
        ctx.cluster.certificates.remove(name);
    }
    ctx.commit();
    Ok(Reply::empty())
}

fn service_metadata(ctx: &mut Ctx<'_>) -> Answer {
    certificate(ctx, "sso_service")?;
    let until = expiry(ctx).ok_or_else(|| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "saml_metadata_generation_error",
            "the certificate sso_service cannot be read",
        )
    })?;
    let saml = saml(ctx, &current(ctx, PATH, settings::SSO));
    let xml = metadata::of_service(&saml, &ctx.cluster.name, until);
    Ok(Reply::document(Document {
        content_type: "application/samlmetadata+xml",
        file_name: None,
        gzipped: false,
        bytes: xml.into_bytes(),
    }))
}

/// When the certificate of the service is no longer valid.
fn expiry(ctx: &Ctx<'_>) -> Option<Timestamp> {
    let chain = read_bundle(&ctx.cluster.certificates.get("sso_service")?.chain_pem).ok()?;
    Timestamp::from_second(chain.first()?.not_after).ok()
}

/// Takes the issuer's addresses from its metadata.
fn issuer_metadata(ctx: &mut Ctx<'_>) -> Answer {
    let refuse = |code: &str, text: &str| Err(ApiError::new(StatusCode::BAD_REQUEST, code, text));
    let body = ctx.call.object()?;
    let Some(encoded) = body.get("idp_metadata").and_then(Value::as_str) else {
        return refuse("missing_param", "idp_metadata is missing");
    };
    ctx.body(&IDP_METADATA)?;
    let xml = BASE64
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(xml) = xml.filter(|xml| xml.trim_start().starts_with('<') && xml.trim_end().ends_with('>'))
    else {
        return refuse(
            "saml_metadata_parsing_error",
            "idp_metadata is not base64 of an XML document",
        );
    };
    let location = |element: &str| attribute(&xml, element, "Location");
    let (Some(id), Some(login)) = (
        attribute(&xml, "EntityDescriptor", "entityID"),
        location("SingleSignOnService"),
    ) else {
        return refuse(
            "saml_metadata_validation_error",
            "the metadata names no entityID or no SingleSignOnService",
        );
    };
    certificate(ctx, "sso_service")?;
    let issuer = [
        ("id", Some(id)),
        ("login_url", Some(login)),
        ("logout_url", location("SingleLogoutService")),
        ("metadata", Some(encoded.to_owned())),
    ];
    let issuer: Object = issuer
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))))
        .collect();
    let mut sso = current(ctx, PATH, settings::SSO);
    sso.insert("issuer".to_owned(), json!(issuer));
    complete(ctx, &sso)?;
    store(ctx, PATH, settings::SSO, sso.clone());
    Ok(Reply::json(shown(ctx, sso)))
}

/// The value of an attribute of the first such element.
fn attribute(xml: &str, element: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(element)?;
    let (tag, _) = rest.split_once('>')?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// What the responder last said of the proxy certificate: the simulated one always says that it is good.
fn status(ctx: &mut Ctx<'_>) -> Answer {
    let ocsp = current(ctx, OCSP, settings::OCSP);
    let url = ocsp
        .get("responder_url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if url.is_empty() {
        return Ok(Reply::json(
            json!({"responder_url": "", "cert_status": "UNKNOWN"}),
        ));
    }
    let http = |at: Timestamp| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let frequency = ocsp
        .get("query_frequency")
        .and_then(Value::as_i64)
        .unwrap_or(3600);
    Ok(Reply::json(json!({
        "responder_url": url, "cert_status": "GOOD", "produced_at": http(ctx.env.now), "this_update": http(ctx.env.now),
        "next_update": http(ctx.env.now + SignedDuration::from_secs(frequency)),
    })))
}

fn test(ctx: &mut Ctx<'_>) -> Answer {
    let ocsp = current(ctx, OCSP, settings::OCSP);
    if ocsp
        .get("responder_url")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no_responder_url",
            "the proxy certificate names no responder",
        ));
    }
    status(ctx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Outcome;
    use crate::sim::fixture::{Fixture, LOGIN};
    use crate::sim::ids::NodeIndex;
    use crate::sim::testbed::{server_only, with_responder};
    use bytes::Bytes;
    use http::Request;

    /// A cluster that has these certificates.
    fn with_certificates(names: &[&str]) -> Fixture {
        let mut sim = Fixture::cluster(1, 1);
        let identity = server_only();
        for cluster in sim.world.clusters.values_mut() {
            let installed = names.iter().map(|name| ((*name).to_owned(), identity.clone()));
            cluster.certificates.extend(installed);
        }
        sim
    }

    fn metadata(sim: &mut Fixture) -> String {
        let request = Request::get("/v1/cluster/sso/saml/metadata/sp").header("authorization", LOGIN);
        let request = request.body(Bytes::new()).unwrap();
        match sim.world.handle(NodeIndex(0), &request) {
            Outcome::Reply { response, .. } => String::from_utf8(response.body().to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sign_on_that_is_turned_on_with_both_certificates_reads_back_until_it_is_deleted() {
        let mut sim = with_certificates(&["sso_service", "sso_issuer"]);
        let fresh = sim.admin(0, "GET", PATH, Value::Null).json;
        let body = json!({
            "control_plane": true, "enforce_control_plane": true,
            "issuer": {"id": "urn:idp", "login_url": "https://idp/in", "logout_url": "https://idp/out"},
            "service": {"address": "https://cnm.cluster.example.com"},
        });
        let put = sim.admin(0, "PUT", PATH, body.clone());
        assert_eq!((put.status, put.json), (200, Value::Null));
        let shown = sim.admin(0, "GET", PATH, Value::Null).json;
        for name in ["control_plane", "enforce_control_plane", "issuer"] {
            assert_eq!(shown[name], body[name], "{name}");
        }
        assert_eq!(shown["service"]["address"], body["service"]["address"]);
        let off = sim.admin(0, "PUT", PATH, json!({"control_plane": false}));
        assert_eq!(off.status, 200);
        let shown = sim.admin(0, "GET", PATH, Value::Null).json;
        assert_eq!(
            (&shown["control_plane"], &shown["issuer"]),
            (&json!(false), &body["issuer"])
        );
        assert_eq!(sim.admin(0, "DELETE", PATH, Value::Null).status, 200);
        assert_eq!(sim.admin(0, "GET", PATH, Value::Null).json, fresh);
    }

    #[test]
    fn sign_on_set_up_step_by_step_needs_no_address_of_the_service_and_none_for_logging_out() {
        let mut sim = with_certificates(&["sso_service", "sso_issuer"]);
        for body in [
            json!({"protocol": "saml2", "issuer": {"id": "urn:idp", "login_url": "https://idp/in"}}),
            json!({"control_plane": true}),
        ] {
            assert_eq!(sim.admin(0, "PUT", PATH, body.clone()).status, 200, "{body}");
        }
        let shown = sim.admin(0, "GET", PATH, Value::Null).json;
        assert_eq!(shown["control_plane"], true);
        assert_eq!(sim.admin(0, "PUT", PATH, shown).status, 200, "as it was read");
    }

    #[test]
    fn what_follows_from_elsewhere_cannot_be_written_inside_an_object() {
        let mut sim = with_certificates(&[]);
        let before = sim.admin(0, "GET", PATH, Value::Null).json;
        for body in [
            json!({"issuer": {"metadata": "eA=="}}),
            json!({"service": {"saml2": {"entity_id": "urn:other"}}}),
        ] {
            assert_eq!(sim.admin(0, "PUT", PATH, body.clone()).status, 400, "{body}");
        }
        assert_eq!(sim.admin(0, "GET", PATH, Value::Null).json, before);
    }

    #[test]
    fn the_urls_of_the_service_follow_its_address() {
        let mut sim = with_certificates(&["sso_service"]);
        for (address, base) in [
            ("", "https://cnm.cluster.example.com"),
            ("https://login.example.com:8443", "https://login.example.com:8443"),
            ("https://login.example.com/", "https://login.example.com"),
        ] {
            let body = json!({"service": {"address": address}});
            assert_eq!(sim.admin(0, "PUT", PATH, body).status, 200);
            let shown = sim.admin(0, "GET", PATH, Value::Null).json;
            let url = |path: &str| format!("{base}{path}");
            let wanted = [
                ("entity_id", url("/sp")),
                ("acs_url", url("/v1/cluster/sso/saml/acs")),
                ("slo_url", url("/v1/cluster/sso/saml/slo")),
            ];
            let metadata = metadata(&mut sim);
            for (key, url) in wanted {
                assert_eq!(shown["service"]["saml2"][key], url, "{key}");
                assert!(metadata.contains(&format!("\"{url}\"")), "{metadata}");
            }
        }
    }

    #[test]
    fn metadata_of_the_service_last_as_long_as_its_certificate_and_say_what_it_wants_of_the_issuer() {
        let mut sim = with_certificates(&["sso_service"]);
        let metadata = metadata(&mut sim);
        for part in [
            " validUntil=\"2027-01-01T00:00:00\"",
            " AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\"",
            "<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>",
            "<md:AttributeConsumingService index=\"1\"><md:ServiceName xml:lang=\"en\">cluster.example.com<",
        ] {
            assert!(metadata.contains(part), "{part} in {metadata}");
        }
        let wanted: Vec<(&str, bool)> = metadata
            .split("<md:RequestedAttribute ")
            .skip(1)
            .map(|rest| {
                let (element, _) = rest.split_once("/>").unwrap();
                let (_, name) = element.split_once("FriendlyName=\"").unwrap();
                let (name, _) = name.split_once('"').unwrap();
                (name, element.contains(" isRequired=\"true\""))
            })
            .collect();
        assert_eq!(
            wanted,
            [
                ("firstName", true),
                ("lastName", true),
                ("email", true),
                ("redisRoleMapping", false)
            ]
        );
    }

    #[test]
    fn metadata_of_an_issuer_sets_its_addresses() {
        let mut sim = with_certificates(&["sso_service"]);
        let xml = "<EntityDescriptor entityID=\"urn:idp\"><SingleSignOnService Location=\"https://idp/in\"/></EntityDescriptor>";
        let body = json!({"idp_metadata": BASE64.encode(xml)});
        let reply = sim.admin(0, "POST", "/v1/cluster/sso/saml/metadata/idp", body);
        assert_eq!(
            (reply.status, &reply.json["issuer"]["id"]),
            (200, &json!("urn:idp"))
        );
        let shown = sim.admin(0, "GET", "/v1/cluster/sso", Value::Null).json;
        assert_eq!(
            shown["issuer"],
            json!({"id": "urn:idp", "login_url": "https://idp/in", "metadata": BASE64.encode(xml)})
        );
        assert_eq!(
            shown["service"]["saml2"]["entity_id"],
            "https://cnm.cluster.example.com/sp"
        );
        assert_eq!(sim.admin(0, "DELETE", "/v1/cluster/sso", Value::Null).status, 200);
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster/sso", Value::Null).json["issuer"],
            json!({})
        );
    }

    #[test]
    fn the_responder_is_the_one_that_the_proxy_certificate_names() {
        const URL: &str = "http://ocsp.example.com";
        let mut sim = Fixture::cluster(1, 1);
        let on = json!({"ocsp_functionality": true});
        let status = sim.admin(0, "GET", "/v1/ocsp/status", Value::Null).json;
        assert_eq!(status["cert_status"], "UNKNOWN");
        let early = sim.admin(0, "PUT", OCSP, on.clone());
        assert_eq!((early.status, early.code()), (400, "no_responder_url"));
        for cluster in sim.world.clusters.values_mut() {
            let proxy = with_responder(URL);
            cluster.certificates.insert("proxy".to_owned(), proxy);
        }
        assert_eq!(sim.admin(0, "GET", OCSP, Value::Null).json["responder_url"], URL);
        let test = sim.admin(0, "POST", "/v1/ocsp/test", json!({}));
        assert_eq!((test.status, &test.json["cert_status"]), (200, &json!("GOOD")));
        let whole = sim.admin(0, "PUT", OCSP, on).json;
        assert_eq!(whole["responder_url"], URL);
        assert_eq!(sim.admin(0, "PUT", OCSP, whole).status, 200, "as it was read");
        let other = json!({"responder_url": "http://other.example.com"});
        assert_eq!(sim.admin(0, "PUT", OCSP, other).status, 400);
    }
}
