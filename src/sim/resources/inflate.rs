//! Raw deflate, as in zip archives (RFC 1951).

/// Bytes that an archive member may grow to.
const LIMIT: usize = 16 << 20;

/// The data, or nothing if they are damaged or too large.
pub(crate) fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Bits { packed, at: 0 };
    let mut out = Vec::new();
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => stored(&mut bits, &mut out)?,
            1 => {
                let (literals, distances) = fixed();
                block(&mut bits, &mut out, &literals, &distances)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits)?;
                block(&mut bits, &mut out, &literals, &distances)?;
            }
            _ => return None,
        }
        if last {
            return Some(out);
        }
    }
}

/// A stream of bits, the lowest of each byte first.
struct Bits<'a> {
    packed: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let byte = self.packed.get(self.at / 8)?;
        let bit = usize::from(byte >> (self.at % 8) & 1);
        self.at += 1;
        Some(bit)
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for place in 0..count {
            value |= self.bit()? << place;
        }
        Some(value)
    }
}

/// A canonical code: how many codes there are of each length, and the symbols in order of their codes.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn of(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        for length in lengths.iter().filter(|length| **length > 0) {
            if let Some(count) = counts.get_mut(*length) {
                *count += 1;
            }
        }
        let mut symbols: Vec<usize> = (0..lengths.len())
            .filter(|at| lengths.get(*at).is_some_and(|length| *length > 0))
            .collect();
        symbols.sort_by_key(|at| (lengths.get(*at).copied(), *at));
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut code, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for count in self.counts.iter().skip(1) {
            code |= bits.bit()?;
            if code < first + count {
                return self.symbols.get(index + code.checked_sub(first)?).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

fn stored(bits: &mut Bits<'_>, out: &mut Vec<u8>) -> Option<()> {
    bits.at = bits.at.next_multiple_of(8);
    let (length, inverse) = (bits.take(16)?, bits.take(16)?);
    let from = bits.at / 8;
    if length != !inverse & 0xffff || out.len() + length > LIMIT {
        return None;
    }
    out.extend(bits.packed.get(from..from + length)?);
    bits.at += length * 8;
    Some(())
}

fn fixed() -> (Code, Code) {
    let lengths: Vec<usize> = (0..288)
        .map(|symbol| match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        })
        .collect();
    (Code::of(&lengths), Code::of(&[5; 30]))
}

fn dynamic(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    let mut lengths = [0; 19];
    for place in ORDER.iter().take(count) {
        *lengths.get_mut(*place)? = bits.take(3)?;
    }
    let code = Code::of(&lengths);
    let mut all: Vec<usize> = Vec::new();
    while all.len() < literals + distances {
        let (length, times) = match code.read(bits)? {
            16 => (*all.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        all.extend(std::iter::repeat_n(length, times));
    }
    Some((
        Code::of(all.get(..literals)?),
        Code::of(all.get(literals..literals + distances)?),
    ))
}

/// First length or distance, and extra bits, of a symbol whose group has `step` members per number of extra bits.
fn extent(symbol: usize, plain: usize, step: usize, base: usize) -> (usize, usize) {
    if symbol < plain {
        return (base + symbol, 0);
    }
    let extra = symbol / step - 1;
    (base + ((step + symbol % step) << extra), extra)
}

fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, literals: &Code, distances: &Code) -> Option<()> {
    loop {
        let symbol = literals.read(bits)?;
        match symbol {
            0..=255 => out.push(u8::try_from(symbol).ok()?),
            256 => return Some(()),
            257..=285 => {
                let (base, extra) = if symbol == 285 {
                    (258, 0)
                } else {
                    extent(symbol - 257, 8, 4, 3)
                };
                let length = base + bits.take(extra)?;
                let (base, extra) = extent(distances.read(bits)?, 4, 2, 1);
                let distance = base + bits.take(extra)?;
                for _ in 0..length {
                    let byte = *out.get(out.len().checked_sub(distance)?)?;
                    out.push(byte);
                }
            }
            _ => return None,
        }
        if out.len() > LIMIT {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_fixed_and_dynamic_blocks_are_read() {
        assert_eq!(inflate(&[1, 2, 0, 253, 255, b'h', b'i']), Some(b"hi".to_vec()));
        assert_eq!(inflate(&[0x4b, 0x4c, 0xc4, 0x07, 0x00]), Some(vec![b'a'; 30]));
        let text = b"ec deeeegdeaeeae hd aaaaegeaheeh hhe aedf d eg  eebeheef  cedfe eaeb effhaghe  e aeegebe gee e a eahffc bccaea h df  cff";
        assert_eq!(inflate(DYNAMIC).as_deref(), Some(&text[..]));
        assert_eq!(inflate(&[7]), None);
    }

    /// The text above with dynamic codes.
    #[rustfmt::skip]
    const DYNAMIC: &[u8] = &[
        21, 139, 193, 13, 192, 64, 8, 195, 86, 241, 106, 28, 24, 216, 127, 130, 210, 40, 159, 68, 182, 73, 121, 153, 50,
        188, 178, 69, 92, 28, 99, 117, 217, 149, 176, 154, 194, 1, 125, 222, 223, 144, 119, 202, 41, 15, 187, 55, 230, 64,
        126, 246, 212, 39, 163, 255, 58, 96, 187, 147, 151, 25, 6, 75, 253, 106, 247, 7,
    ];
}
