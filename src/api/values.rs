//! Small values that several kinds share: references, quantities, policies.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// A reference to a RedisCluster in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ClusterRef {
    /// Name of the RedisCluster.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A reference to a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A reference to one key of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key within the Secret; each field that refers to a Secret says which key it takes when this is left out.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How far Regent may go for this object: `Enforce` (the default) makes Redis Enterprise match the spec, `Plan` only
/// reports what it would do, `Observe` only reports what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// Make Redis Enterprise match the spec.
    #[default]
    Enforce,
    /// Say in status what would be done; do nothing.
    Plan,
    /// Report what is there; plan nothing.
    Observe,
}

/// Whether something that already exists in Redis Enterprise may be taken over: `Never` (the default) or `IfUnowned`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// Never take over what this object did not create.
    #[default]
    Never,
    /// Take over what nobody owns.
    IfUnowned,
}

/// What happens to the database when its object is deleted: `Retain` (the default) leaves it, `Delete` deletes its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Leave the database and mark it as released.
    #[default]
    Retain,
    /// Delete the database and its data.
    Delete,
}

/// A size in bytes in Kubernetes notation, such as `512Mi`, `2Gi` or `1500M`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("maxLength" = 32, "pattern" = r"^[0-9]+(\.[0-9]{1,9})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"))]
pub struct ByteQuantity(pub String);

impl ByteQuantity {
    /// The size in bytes; `None` when the text is not a positive whole number of bytes.
    ///
    /// Accepts the binary (`Ki Mi Gi Ti Pi`) and decimal (`k M G T P`) suffixes with an optional fraction.
    pub fn bytes(&self) -> Option<u64> {
        let text = self.0.trim();
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(text.len());
        let (digits, suffix) = text.split_at(split);
        let factor = suffix_factor(suffix)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if fraction.len() > 9 {
            return None;
        }
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let number: u128 = format!("{whole}{fraction}").parse().ok()?;
        let total = number.checked_mul(factor)?;
        if total == 0 || !total.is_multiple_of(scale) {
            return None;
        }
        u64::try_from(total / scale).ok()
    }

    /// The shortest exact binary notation of a number of bytes.
    pub fn from_bytes(bytes: u64) -> Self {
        let steps = [
            (1u64 << 50, "Pi"),
            (1 << 40, "Ti"),
            (1 << 30, "Gi"),
            (1 << 20, "Mi"),
            (1 << 10, "Ki"),
        ];
        let text = steps
            .iter()
            .find(|(unit, _)| bytes != 0 && bytes.is_multiple_of(*unit))
            .map_or_else(
                || bytes.to_string(),
                |(unit, suffix)| format!("{}{suffix}", bytes / unit),
            );
        Self(text)
    }
}

impl std::fmt::Display for ByteQuantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn suffix_factor(suffix: &str) -> Option<u128> {
    Some(match suffix {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_in_binary_and_decimal_notation() {
        let rows = [
            ("2Gi", Some(2 << 30)),
            ("1.5Gi", Some(3 << 29)),
            ("1500M", Some(1_500_000_000)),
            ("100", Some(100)),
            ("0", None),
            ("0.3", None),
            ("-1Gi", None),
            ("1Zi", None),
            ("", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(ByteQuantity(text.into()).bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn bytes_print_in_the_largest_exact_unit() {
        assert_eq!(ByteQuantity::from_bytes(2 << 30).0, "2Gi");
        assert_eq!(ByteQuantity::from_bytes(1_500_000_000).0, "1500000000");
        assert_eq!(ByteQuantity::from_bytes(1536).0, "1536");
        assert_eq!(ByteQuantity::from_bytes(3 << 9).0, "1536");
    }
}
