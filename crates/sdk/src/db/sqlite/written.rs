//! What a thread has written to files, as Linux counts it.

use std::fs::File;
use std::io::Read;

/// Bytes that this thread has handed to `write` and the like since it began; none where nobody counts.
pub(super) fn by_this_thread() -> Option<u64> {
    let mut text = [0; 256];
    let length = File::open("/proc/thread-self/io").ok()?.read(&mut text).ok()?;
    let lines = std::str::from_utf8(&text[..length]).ok()?;
    lines.lines().find_map(|line| line.strip_prefix("wchar: ")).and_then(|count| count.trim().parse().ok())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_are_counted() {
        let Some(before) = by_this_thread() else { return };
        File::create("/dev/null").expect("it is there").write_all(&[0; 10_000]).expect("it takes all");
        assert_eq!(by_this_thread().map(|after| after - before), Some(10_000));
    }
}
