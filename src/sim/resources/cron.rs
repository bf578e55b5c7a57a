//! Cron expressions: when the jobs of the scheduler, the log collectors and the cleanup of persistence files run.

/// One of the five fields: its bounds, and names for its values from the lower bound on.
struct Part {
    low: u8,
    high: u8,
    names: &'static [&'static str],
}

const fn part(low: u8, high: u8, names: &'static [&'static str]) -> Part {
    Part { low, high, names }
}

/// Minute, hour, day of the month, month, day of the week, of which 0 and 7 are Sunday.
#[rustfmt::skip]
const PARTS: [Part; 5] = [
    part(0, 59, &[]),
    part(0, 23, &[]),
    part(1, 31, &[]),
    part(1, 12, &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    part(0, 7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
];

/// Names of whole expressions.
const NICKNAMES: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

/// Whether this is five fields or one of the names for them.
pub(crate) fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let fits = |(field, part): (&&str, &Part)| field.split(',').all(|item| part.takes(item));
    NICKNAMES.contains(&text) || fields.len() == PARTS.len() && fields.iter().zip(&PARTS).all(fits)
}

impl Part {
    /// `*`, a value or a range, each with or without a step; one beyond the range leaves its first value.
    fn takes(&self, item: &str) -> bool {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let steps = step.is_none_or(is_step);
        let within = match range.split_once('-') {
            _ if range == "*" => true,
            Some((first, last)) => self
                .value(first)
                .is_some_and(|first| Some(first) <= self.value(last)),
            None => self.value(range).is_some(),
        };
        steps && within
    }

    /// The number that a value stands for, if it is within the bounds.
    fn value(&self, text: &str) -> Option<u8> {
        let mut named = (self.low..).zip(self.names);
        let named = named.find(|(_, name)| name.eq_ignore_ascii_case(text));
        let value = named.map_or_else(|| number(text), |(value, _)| Some(value));
        value.filter(|value| (self.low..=self.high).contains(value))
    }
}

/// Digits only, and not 0.
fn is_step(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0')
}

/// Digits only.
fn number(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_within_their_bounds_or_a_name_for_them_are_a_cron_expression() {
        for text in [
            "*/5 * * * *",
            "*/60 * * * *",
            "*/1000 * * * *",
            "0 */1 * * *",
            "59 23 31 12 7",
            "0,30 8-18/2 1-15 * *",
            "0 0 * JAN MON-FRI",
            "15 3 * jun,Dec sun",
            "@hourly",
        ] {
            assert!(is_cron(text), "{text:?}");
        }
        for text in [
            "",
            "daily",
            "@sometimes",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "99 99 99 99 99",
            "JAN * * * *",
            "* * * * FRI-MON",
            "20-10 * * * *",
            "10- * * * *",
            "*/0 * * * *",
            "*/00 * * * *",
            "*/ * * * *",
            "*/+5 * * * *",
            "+5 * * * *",
            "1,,2 * * * *",
            "*-5 * * * *",
        ] {
            assert!(!is_cron(text), "{text:?}");
        }
    }
}
