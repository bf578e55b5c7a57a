//! `/v1/cluster/certificates`: the cluster's certificates. Reading them brings their private keys, which are never decoded.

use crate::rest::call::Call;
use crate::rest::call::absent;
use crate::rest::error::Error;
use crate::rest::model::CertificateName;
use crate::rest::model::CertificatePair;
use crate::rest::model::JsonMap;
use crate::rest::route;
use crate::rest::session::Session;
use secrecy::ExposeSecret;
use serde::Deserializer;
use serde::de::Error as _;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::json;

impl Session {
    /// The chain of one certificate, PEM; `None` when the cluster has no such certificate. Nothing else of the answer is
    /// decoded, and it is overwritten.
    pub async fn certificate(&self, name: &CertificateName) -> Result<Option<String>, Error> {
        let wanted = format!("{name}_cert");
        let answer = self.send(&Call::new(&route::CERTIFICATES_READ, &[])).await?;
        answer.read_and_wipe(|body| {
            let mut json = serde_json::Deserializer::from_slice(body);
            let found = json.deserialize_map(OneField(&wanted))?;
            json.end().map(|()| found)
        })
    }

    /// Replaces one certificate on every node: by the bulk call, or by the older one that nodes before 7.22.2 know. May take 15
    /// minutes. The same pair again after an error of disposition `Busy` finishes what was begun.
    pub async fn replace_certificate(
        &self,
        name: &CertificateName,
        pair: &CertificatePair,
        bulk: bool,
    ) -> Result<(), Error> {
        let certificate = json!({
            "name": name,
            "certificate": pair.chain_pem(),
            "key": pair.key_pem().expose_secret(),
        });
        let call = if bulk {
            let body = JsonMap::from_iter([("certificates".to_owned(), json!([certificate]))]);
            Call::new(&route::CERTIFICATES_REPLACE, &[]).body(body)
        } else {
            let body = certificate.as_object().cloned().unwrap_or_default();
            Call::new(&route::CERTIFICATE_UPDATE, &[]).body(body)
        };
        self.send(&call).await?.done()
    }

    /// Removes an optional certificate; one that is not there is removed already.
    pub async fn delete_certificate(&self, name: &CertificateName) -> Result<(), Error> {
        let answer = absent(self.send(&Call::new(&route::CERTIFICATE_DELETE, &[name])).await)?;
        answer.map_or(Ok(()), |answer| answer.done())
    }
}

/// Reads the text of one field of an object and skips all others, undecoded.
struct OneField<'a>(&'a str);

impl<'de> Visitor<'de> for OneField<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of certificates")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = fields.next_key::<String>()? {
            if name == "error_code" {
                return Err(A::Error::custom("an error in the place of certificates"));
            }
            if name == self.0 {
                found = fields.next_value()?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
