//! Rotation of the password, so that some stored password lets clients in at every moment.
//!
//! 1. The intent is recorded, the new password is added beside the old one, the connection Secret gets the new one.
//! 2. In the next pass the new one becomes the only one, which can be repeated. So whatever was lost on the way, a reply
//!    or the whole process, is made good here: where the connection Secret still has the old password, it follows at once.

use crate::api::IntentAction;
use crate::api::Record;
use crate::plan::Plan;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::database::Action;
use crate::plan::database::Password;
use crate::plan::database::Seen;
use crate::plan::database::case::Case;
use crate::plan::database::connection;
use crate::plan::gate::OwnedBdb;
use crate::rest::model::Bdb;
use secrecy::ExposeSecret;
use secrecy::SecretString;

/// Version of the password Secret that the database has: the one recorded, or the one that it was created with.
pub(super) fn in_force<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let created = case
        .intent(IntentAction::CreateDatabase)
        .and_then(|intent| intent.detail.as_deref());
    created.or(case.status.password_version.as_deref())
}

/// Plans the next step of a rotation, if the database does not have the password of the Secret.
pub(super) fn rotate(case: &Case<'_>, seen: &Seen, bdb: &Bdb, owned: OwnedBdb, plan: &mut Plan<Action>) {
    let (value, version) = match &case.inputs.password {
        Ok(None) => return,
        Err(hold) => return plan.holds.push(case.held_by("change the password of", hold)),
        Ok(Some(Password::ToGenerate { secret, key })) => {
            let publication = Publication::GeneratePassword {
                secret: secret.clone(),
                key: key.clone(),
            };
            return plan.steps.push(Step::Publish(publication));
        }
        Ok(Some(Password::Given { value, version })) => (value, version),
    };
    if in_force(case) == Some(version.as_str()) {
        return;
    }
    let added = case
        .intent(IntentAction::ChangePassword)
        .is_some_and(|intent| intent.detail.as_ref() == Some(version));
    if added || is_published(case, value) {
        plan.steps.push(Step::Call(Action::ReplacePasswords(owned)));
        connection::write(case, seen, bdb, Some(value), plan);
        return plan
            .steps
            .push(Step::Record(Record::PasswordVersion(version.clone())));
    }
    if let Some(hold) = case.takeover("change the password of") {
        return plan.holds.push(hold);
    }
    let intent = case.new_intent(
        IntentAction::ChangePassword,
        bdb.uid.to_string(),
        Some(version.clone()),
    );
    plan.steps.push(Step::Record(Record::Intent(intent)));
    plan.steps.push(Step::Call(Action::AddPassword(owned)));
    connection::write(case, seen, bdb, Some(value), plan);
}

/// Whether the connection Secret has this password already: the password Secret was written without a change of it.
fn is_published(case: &Case<'_>, password: &SecretString) -> bool {
    let connection = case
        .inputs
        .connection
        .as_ref()
        .and_then(|data| data.get("password"));
    connection.is_some_and(|published| published.expose_secret() == password.expose_secret())
}
