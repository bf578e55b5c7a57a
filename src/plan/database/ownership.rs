//! Which database is ours: by tag, cluster identity and uid, never by name.

use crate::api::AdoptionPolicy;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::OWNER_TAG;
use crate::api::Reason;
use crate::api::RedisDatabase;
use crate::plan::Hold;
use crate::plan::Wait;
use crate::plan::database::Seen;
use crate::plan::database::case::Case;
use crate::plan::database::case::database_name;
use crate::plan::gate::OwnedBdb;
use crate::plan::gate::owner_of;
use crate::rest::model::Bdb;
use crate::rest::model::BdbStatus;

/// How an object's database was found.
pub(super) enum Found<'a> {
    /// Proved ours.
    Ours(&'a Bdb, OwnedBdb),
    /// Nobody's, and the spec lets us take it over.
    Unowned(&'a Bdb),
    /// It does not exist, and may be created.
    Absent,
    /// A human has to say whose it is.
    Held(Hold),
    /// It cannot be told yet.
    Waiting(Wait),
}

/// Finds the database of an object that is not being deleted.
pub(super) fn find<'a>(case: &Case<'_>, seen: &'a Seen) -> Found<'a> {
    let tagged: Vec<&Bdb> = tagged(case.owner(), seen).collect();
    match (tagged.as_slice(), case.status.uid) {
        ([], Some(uid)) => match seen.bdbs.iter().find(|bdb| bdb.uid.0 == uid) {
            Some(bdb) => untagged(case, bdb),
            None => Found::Held(missing(case, uid)),
        },
        ([], None) => unknown(case, seen),
        ([bdb], _) => match case.prove(bdb, &seen.identity) {
            Some(owned) => Found::Ours(bdb, owned),
            None => Found::Held(conflict(case, &tagged)),
        },
        _ => Found::Held(conflict(case, &tagged)),
    }
}

/// The database that an object's status speaks of: the one with its tag, else the one recorded; in Observe mode also the
/// only one of its name.
pub(super) fn subject<'a>(object: &RedisDatabase, seen: &'a Seen) -> Option<&'a Bdb> {
    let owner = object.metadata.uid.as_deref().unwrap_or_default();
    let recorded = object.status.as_ref().and_then(|status| status.uid);
    let ours = tagged(owner, seen)
        .next()
        .or_else(|| seen.bdbs.iter().find(|bdb| Some(bdb.uid.0) == recorded));
    let observes = object.spec.management_policy == Some(ManagementPolicy::Observe);
    ours.or_else(|| {
        let mut named = seen.bdbs.iter().filter(|bdb| bdb.name == database_name(object));
        named.next().filter(|_| observes && named.next().is_none())
    })
}

/// The databases that bear an object's ownership tag.
pub(super) fn tagged<'a>(owner: &str, seen: &'a Seen) -> impl Iterator<Item = &'a Bdb> {
    seen.bdbs
        .iter()
        .filter(move |bdb| !owner.is_empty() && owner_of(bdb) == Some(owner))
}

/// Whether nobody owns a database: no ownership tag, or a released one.
fn is_unowned(bdb: &Bdb) -> bool {
    owner_of(bdb).is_none_or(|owner| owner.is_empty() || owner.starts_with("released:"))
}

/// The database recorded here has lost our tag.
fn untagged<'a>(case: &Case<'_>, bdb: &'a Bdb) -> Found<'a> {
    let adopts = case.spec.adoption_policy == Some(AdoptionPolicy::IfUnowned);
    match owner_of(bdb) {
        _ if is_unowned(bdb) && adopts => Found::Unowned(bdb),
        Some(owner) if !is_unowned(bdb) => Found::Held(owned_by(case, bdb, owner)),
        Some(_) | None => Found::Held(case.hold(
            Reason::OwnershipConflict,
            format!(
                "database {} no longer bears the tag {OWNER_TAG}={}; it is left alone; set spec.adoptionPolicy: IfUnowned to \
                 take it over again",
                bdb.uid,
                case.owner()
            ),
        )),
    }
}

/// Nothing is recorded and nothing bears our tag.
fn unknown<'a>(case: &Case<'_>, seen: &'a Seen) -> Found<'a> {
    let pending = case
        .intent(IntentAction::CreateDatabase)
        .filter(|intent| case.may_still_arrive(intent));
    if pending.is_some() {
        let detail = "its creation was sent, and Redis Enterprise does not show it yet".to_owned();
        return Found::Waiting(case.wait("create", Reason::OutcomeUnknown, detail));
    }
    let named: Vec<&Bdb> = seen.bdbs.iter().filter(|bdb| bdb.name == case.name()).collect();
    match named.as_slice() {
        [] => Found::Absent,
        [bdb] if bdb.status == BdbStatus::DeletePending => {
            let detail = format!("database {} of the same name is being deleted", bdb.uid);
            Found::Waiting(case.wait("create", Reason::Deleting, detail))
        }
        [bdb] => same_name(case, bdb),
        several => Found::Held(case.hold(
            Reason::AlreadyExists,
            format!(
                "{} have this name already; set another spec.databaseName",
                uids(several)
            ),
        )),
    }
}

/// Somebody else's database, or nobody's, has our name.
fn same_name<'a>(case: &Case<'_>, bdb: &'a Bdb) -> Found<'a> {
    match owner_of(bdb) {
        Some(owner) if !is_unowned(bdb) => Found::Held(owned_by(case, bdb, owner)),
        Some(_) | None => match case.spec.adoption_policy.unwrap_or_default() {
            AdoptionPolicy::IfUnowned => Found::Unowned(bdb),
            AdoptionPolicy::Never => Found::Held(case.hold(
                Reason::AlreadyExists,
                format!(
                    "database {} has this name already and nobody owns it; set spec.adoptionPolicy: IfUnowned to take it \
                     over, or another spec.databaseName",
                    bdb.uid
                ),
            )),
        },
    }
}

fn owned_by(case: &Case<'_>, bdb: &Bdb, owner: &str) -> Hold {
    let detail = format!(
        "database {} belongs to the object with uid {owner} ({OWNER_TAG}); it is left alone; delete that object, or set \
         another spec.databaseName",
        bdb.uid
    );
    case.hold(Reason::OwnershipConflict, detail)
}

fn missing(case: &Case<'_>, uid: u32) -> Hold {
    let detail = format!(
        "database {uid} was deleted in Redis Enterprise; it is not created again by itself, for it would be empty; restore \
         it there, or delete this object and apply it again for an empty one"
    );
    case.hold(Reason::Missing, detail)
}

/// Several databases bear our tag, or another than the one recorded.
pub(super) fn conflict(case: &Case<'_>, tagged: &[&Bdb]) -> Hold {
    let recorded = case
        .status
        .uid
        .map(|uid| format!(", while database {uid} is recorded"))
        .unwrap_or_default();
    let detail = format!(
        "the tag {OWNER_TAG}={} is on {}{recorded}; none is touched; take the tag off all but the right one",
        case.owner(),
        uids(tagged)
    );
    case.hold(Reason::OwnershipConflict, detail)
}

fn uids(bdbs: &[&Bdb]) -> String {
    let mut uids: Vec<_> = bdbs.iter().map(|bdb| bdb.uid).collect();
    uids.sort_unstable();
    let noun = if uids.len() == 1 { "database" } else { "databases" };
    format!(
        "{noun} {}",
        uids.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and ")
    )
}
