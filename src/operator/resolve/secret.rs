//! Values of Secrets, or the hold that says which one is missing and what to do about it.

use crate::api::Reason;
use crate::operator::secrets::Absent;
use crate::operator::secrets::Found;
use crate::operator::secrets::SecretContent;
use crate::plan::Hold;
use crate::plan::Input;
use secrecy::ExposeSecret;
use secrecy::SecretString;

/// A Secret that something refers to.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// What cannot be done without it.
    pub what: &'a str,
    /// Namespace of the Secret.
    pub namespace: &'a str,
    /// Name of the Secret.
    pub name: &'a str,
}

impl Reference<'_> {
    /// The Secret's content.
    pub fn content(self, found: &Found) -> Input<&SecretContent> {
        match found {
            Ok(content) => Ok(content),
            Err(Absent::NotFound) => Err(self.hold(
                Reason::SecretNotFound,
                format!("Secret {self} does not exist; create it"),
            )),
            Err(Absent::Forbidden) => {
                let detail =
                    format!("Regent may not read Secret {self}; grant its ServiceAccount `get` on it");
                Err(self.hold(Reason::SecretInvalid, detail))
            }
        }
    }

    /// A value of the Secret that is there and not empty.
    pub fn value(self, content: &SecretContent, key: &str) -> Input<SecretString> {
        let detail = match content.data.get(key) {
            Some(Some(value)) if !value.expose_secret().is_empty() => return Ok(value.clone()),
            Some(Some(_)) => format!("Secret {self} has nothing under the key `{key}`; set it"),
            Some(None) => {
                format!("Secret {self} holds something that is not text under the key `{key}`; replace it")
            }
            None => format!("Secret {self} lacks the key `{key}`; add it"),
        };
        Err(self.hold(Reason::SecretInvalid, detail))
    }

    fn hold(self, why: Reason, detail: String) -> Hold {
        Hold {
            what: self.what.to_owned(),
            why,
            detail,
        }
    }
}

impl std::fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    const REFERENCE: Reference<'_> = Reference {
        what: "log in",
        namespace: "redis",
        name: "admin",
    };

    fn secret(data: &[(&str, Option<&str>)]) -> SecretContent {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(SecretString::from)));
        SecretContent {
            version: "u/1".into(),
            controlled_by: None,
            data: data.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn each_flaw_of_a_secret_names_it_and_the_remedy() {
        let rows = [
            (secret(&[]), "Secret redis/admin lacks the key `password`; add it"),
            (
                secret(&[("password", Some(""))]),
                "Secret redis/admin has nothing under the key `password`; set it",
            ),
            (
                secret(&[("password", None)]),
                "Secret redis/admin holds something that is not text under the key `password`; replace it",
            ),
        ];
        for (content, detail) in rows {
            let hold = REFERENCE.value(&content, "password").unwrap_err();
            assert_eq!((hold.why, hold.detail.as_str()), (Reason::SecretInvalid, detail));
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        let hold = REFERENCE.content(&Err(Absent::NotFound)).unwrap_err();
        assert_eq!(hold.why, Reason::SecretNotFound);
        assert_eq!(hold.detail, "Secret redis/admin does not exist; create it");
    }

    #[test]
    fn a_missing_right_is_told_from_a_missing_secret() {
        let hold = REFERENCE.content(&Err(Absent::Forbidden)).unwrap_err();
        assert_eq!(
            hold.detail,
            "Regent may not read Secret redis/admin; grant its ServiceAccount `get` on it"
        );
    }

    #[test]
    fn a_sound_secret_gives_its_value() {
        let found: Found = Ok(Arc::new(secret(&[("password", Some("s"))])));
        let content = REFERENCE.content(&found).unwrap();
        assert_eq!(REFERENCE.value(content, "password").unwrap().expose_secret(), "s");
    }
}
