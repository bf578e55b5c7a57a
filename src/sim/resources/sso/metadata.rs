//! How the service describes itself to the issuer (security/access-control/saml-sso).

use super::Saml;
use jiff::Timestamp;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";

/// What the issuer is asked to tell of a user, and whether it must.
const ATTRIBUTES: [(&str, bool); 4] = [
    ("firstName", true),
    ("lastName", true),
    ("email", true),
    ("redisRoleMapping", false),
];

/// The document, which is valid as long as the certificate of the service.
pub(super) fn of_service(saml: &Saml, cluster: &str, until: Timestamp) -> String {
    let Saml {
        entity_id,
        acs_url,
        slo_url,
    } = saml;
    let until = until.strftime("%Y-%m-%dT%H:%M:%S");
    let attributes = ATTRIBUTES
        .map(|(name, required)| attribute(name, required))
        .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{METADATA}\" validUntil=\"{until}\" entityID=\"{entity_id}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">\
         <md:SingleLogoutService Binding=\"{REDIRECT}\" Location=\"{slo_url}\"/>\
         <md:NameIDFormat>{EMAIL}</md:NameIDFormat>\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs_url}\" index=\"1\"/>\
         <md:AttributeConsumingService index=\"1\"><md:ServiceName xml:lang=\"en\">{cluster}</md:ServiceName>\
         {attributes}</md:AttributeConsumingService>\
         </md:SPSSODescriptor></md:EntityDescriptor>\n"
    )
}

fn attribute(name: &str, required: bool) -> String {
    let required = if required { " isRequired=\"true\"" } else { "" };
    format!(
        "<md:RequestedAttribute Name=\"{name}\" FriendlyName=\"{name}\" NameFormat=\"{BASIC}\"{required}/>"
    )
}
