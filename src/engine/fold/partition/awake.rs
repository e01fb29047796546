//! When a partition has a decoder: of a folder of ten thousand files few are read at once, and it is most of what each would hold.

use super::Partition;
use standings_decode::Decoder;

impl Partition {
    /// Whether its records can be decoded.
    #[inline]
    pub fn is_awake(&self) -> bool {
        self.decoder.is_some()
    }

    /// Its records are read from now on.
    pub fn wake(&mut self, decoder: Decoder) {
        self.decoder = Some(Box::new(decoder));
    }

    /// Nothing more of it is read. One whose rows change is asked for those that are held.
    pub fn sleep(&mut self) {
        if self.changing.is_none() {
            self.decoder = None;
        }
    }
}
