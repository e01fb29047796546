//! When a partition has a decoder: of a folder of ten thousand files few are read at once, and it is most of what each would hold.

use super::Partition;
use standings_decode::Decoder;
use standings_model::plan::Plan;
use standings_model::schema::Given;

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

    /// Its records are written with these schemas from here on.
    #[inline]
    pub(super) fn learn(&mut self, schemas: &[Given], plan: &Plan) {
        if let Some(decoder) = &mut self.decoder {
            for given in schemas {
                decoder.learn(&plan.tables[self.table], given);
            }
        }
    }

    /// Nothing more of it is read. One whose rows change is asked for those that are held.
    pub fn sleep(&mut self) {
        if self.changing.is_none() {
            self.decoder = None;
        }
    }
}
