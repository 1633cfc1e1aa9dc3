//! Counts of integers by size, from which quantiles follow within a known error.
//!
//! Sketches merge exactly: the sketch of all values is the merger of the sketches of their parts, in any order, and
//! so are its quantiles. The layout is that of an HdrHistogram (64 buckets of equal width for each power of two), found by shifts:
//! no logarithm whose last digit depends on the machine.
//!
//! A sketch as bytes: the version, 1; then each bucket that counts something, from the least, as a LEB128 number
//! `distance << 1 | more`, followed by `count - 2` where `more` is 1 (else the count is 1). The distance of the
//! first is its zigzag number, of others how many empty buckets lie between it and the one before.

/// Buckets for each power of two are 2 to this power.
const PRECISION_BITS: u32 = 6;
const BUCKETS_PER_POWER: i16 = 1 << PRECISION_BITS;
/// Number of the bucket that holds 2^63.
const GREATEST_BUCKET: i16 = 58 * BUCKETS_PER_POWER;
const VERSION: u8 = 1;

/// How often values of each size were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Number and count of each bucket that counts something, in order.
    buckets: Vec<(i16, u64)>,
}

/// Bytes that are not a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SketchError {
    /// Written by a later program, or no sketch at all.
    #[error("a sketch of version {0:?}, this program reads version 1")]
    Version(Option<u8>),
    /// Cut short, or with numbers that no sketch has.
    #[error("a sketch that is damaged at byte {0}")]
    Damaged(usize),
}

impl Sketch {
    /// Quantiles differ from a value of that rank by at most this share of it.
    pub const RELATIVE_ERROR: f64 = 1.0 / 128.0;

    /// Counts a value.
    pub fn add(&mut self, value: i64) {
        self.count_in(0, bucket_of(value), 1);
    }

    /// Counts what the other has counted.
    pub fn merge(&mut self, other: &Sketch) {
        let mut near = 0;
        for (bucket, count) in &other.buckets {
            near = self.count_in(near, *bucket, *count);
        }
    }

    /// Counts what the encoded sketch has counted; after an error, some of it.
    pub fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), SketchError> {
        let mut near = 0;
        read(bytes, |bucket, count| near = self.count_in(near, bucket, count))
    }

    /// Reads what `encode` has written.
    pub fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut buckets = Vec::new();
        read(bytes, |bucket, count| buckets.push((bucket, count)))?;
        Ok(Self { buckets })
    }

    /// The sketch as bytes, equal for equal sketches.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + 2 * self.buckets.len());
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends the sketch as bytes.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        let mut before = None;
        for (bucket, count) in &self.buckets {
            let distance = match before {
                None => zigzag(*bucket),
                Some(before) => (bucket - before - 1) as u64,
            };
            let more = count.checked_sub(2);
            write_number(bytes, distance << 1 | u64::from(more.is_some()));
            if let Some(more) = more {
                write_number(bytes, more);
            }
            before = Some(bucket);
        }
    }

    /// Number of values seen.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// About the least value that at least this share (0 to 1) of all values does not exceed; `None` when none was seen.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all = self.count();
        let rank = ((share * all as f64).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0_u64;
        let found = self.buckets.iter().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        });
        found.map(|(bucket, _)| middle(*bucket))
    }

    /// About how many of the values seen are at most this one: those of its size count.
    pub fn count_at_most(&self, value: i64) -> u64 {
        let last = bucket_of(value);
        let counted = self.buckets.iter().take_while(|(bucket, _)| *bucket <= last);
        counted.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Memory held beside the sketch itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<(i16, u64)>()
    }

    /// Counts in a bucket at `near` or behind it; says where it is, for the next.
    fn count_in(&mut self, near: usize, bucket: i16, count: u64) -> usize {
        let behind = &self.buckets[near..];
        // Buckets come in order, and sketches that are merged are much alike: the place is mostly a few steps away.
        let mut reach = 1;
        while behind.get(reach).is_some_and(|(other, _)| *other < bucket) {
            reach *= 2;
        }
        let window = &behind[reach / 2..behind.len().min(reach + 1)];
        let place = near + reach / 2 + window.partition_point(|(other, _)| *other < bucket);
        match self.buckets.get_mut(place) {
            Some((same, sum)) if *same == bucket => *sum = sum.saturating_add(count),
            _ => self.buckets.insert(place, (bucket, count)),
        }
        place
    }
}

/// Negative values have the negative of the bucket of their size.
fn bucket_of(value: i64) -> i16 {
    let size = value.unsigned_abs();
    let power = u64::BITS - (size | 1).leading_zeros();
    // Sizes below 128 have a bucket each.
    let shift = power.saturating_sub(PRECISION_BITS + 1);
    let bucket = (shift as i16) * BUCKETS_PER_POWER + (size >> shift) as i16;
    if value < 0 { -bucket } else { bucket }
}

/// The middle of the values that a bucket counts.
fn middle(bucket: i16) -> f64 {
    let number = bucket.unsigned_abs();
    let per_power = BUCKETS_PER_POWER.unsigned_abs();
    let shift = (number / per_power).saturating_sub(1);
    let least = u64::from(number - shift * per_power) << shift;
    let size = least as f64 + ((1_u64 << shift) - 1) as f64 / 2.0;
    if bucket < 0 { -size } else { size }
}

fn read(bytes: &[u8], mut each: impl FnMut(i16, u64)) -> Result<(), SketchError> {
    if bytes.first() != Some(&VERSION) {
        return Err(SketchError::Version(bytes.first().copied()));
    }
    let (mut at, mut before) = (1, None);
    while at < bytes.len() {
        let damaged = SketchError::Damaged(at);
        let number = read_number(bytes, &mut at).ok_or(damaged)?;
        let bucket = match before {
            None => unzigzag(number >> 1),
            Some(before) => i64::from(before) + 1 + i64::try_from(number >> 1).map_err(|_| damaged)?,
        };
        let bucket = i16::try_from(bucket).ok().filter(|bucket| bucket.unsigned_abs() <= GREATEST_BUCKET as u16);
        let bucket = bucket.ok_or(damaged)?;
        let count = match number & 1 {
            0 => 1,
            _ => read_number(bytes, &mut at).and_then(|more| more.checked_add(2)).ok_or(damaged)?,
        };
        each(bucket, count);
        before = Some(bucket);
    }
    Ok(())
}

fn zigzag(number: i16) -> u64 {
    let number = i64::from(number);
    (number << 1 ^ number >> 63) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(values: &[i64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    /// Values of every size, negative ones too.
    fn value() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(values in prop::collection::vec(value(), 1..300), share in 0.0..=1.0_f64) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
            let exact = sorted[rank - 1] as f64;

            let estimate = sketch(&values).quantile(share).expect("values were seen");

            // The last factor is for the rounding of 64 bits to the 53 of a float.
            let allowed = exact.abs() * Sketch::RELATIVE_ERROR * (1.0 + 1e-12);
            prop_assert!((estimate - exact).abs() <= allowed, "{estimate} for {exact}");
        }

        #[test]
        fn counts_up_to_a_value_are_right_but_for_values_of_its_size(
            values in prop::collection::vec(value(), 0..300), limit in value(),
        ) {
            let at_most = |limit: i64| values.iter().filter(|value| **value <= limit).count() as u64;
            let slack = (limit.unsigned_abs() / 64 + 1) as i64;

            let counted = sketch(&values).count_at_most(limit);

            prop_assert!(counted >= at_most(limit), "{counted} of {values:?} up to {limit}");
            prop_assert!(counted <= at_most(limit.saturating_add(slack)), "{counted} of {values:?} up to {limit}");
        }

        #[test]
        fn the_sketch_of_all_is_the_merger_of_the_parts(
            a in prop::collection::vec(value(), 0..50),
            b in prop::collection::vec(value(), 0..50),
            c in prop::collection::vec(value(), 0..50),
        ) {
            let all = sketch(&[a.clone(), b.clone(), c.clone()].concat());

            let mut left = sketch(&a);
            left.merge(&sketch(&b));
            left.merge_encoded(&sketch(&c).encode()).expect("a sketch");
            let mut right = sketch(&c);
            right.merge_encoded(&sketch(&b).encode()).expect("a sketch");
            right.merge(&sketch(&a));

            prop_assert_eq!(&left, &all);
            prop_assert_eq!(&right, &all);
            prop_assert_eq!(all.count(), (a.len() + b.len() + c.len()) as u64);
        }

        #[test]
        fn what_is_encoded_is_decoded(values in prop::collection::vec(value(), 0..100)) {
            let sketch = sketch(&values);

            prop_assert_eq!(Sketch::decode(&sketch.encode()), Ok(sketch));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Sketch::decode(&bytes);
            let _ = Sketch::decode(&[&[VERSION], bytes.as_slice()].concat());
        }
    }

    #[test]
    fn small_values_are_exact() {
        for value in -127..=127 {
            assert_eq!(sketch(&[value]).quantile(0.5), Some(value as f64));
        }
    }

    #[test]
    fn the_bytes_stay_as_they_are_documented() {
        assert_eq!(sketch(&[]).encode(), [1]);
        // Bucket 3 once; then bucket 5, one further than the next, three times.
        assert_eq!(sketch(&[3, 5, 5, 5]).encode(), [1, 6 << 1, 1 << 1 | 1, 1]);
        assert_eq!(Sketch::decode(&[2, 6]), Err(SketchError::Version(Some(2))));
        assert_eq!(Sketch::decode(&[]), Err(SketchError::Version(None)));
        assert_eq!(Sketch::decode(&[1, 6 << 1 | 1]), Err(SketchError::Damaged(1)));
    }

    #[test]
    fn the_ends_of_the_range_have_buckets() {
        for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            let encoded = sketch(&[value]).encode();
            assert_eq!(Sketch::decode(&encoded).expect("a sketch").count(), 1, "{value}");
        }
    }
}
