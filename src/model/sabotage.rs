//! Deliberate mistakes, to find out whether the tests would notice them. Without the feature `sabotage`, which no
//! release has, every question after one is `false` when it is compiled.

macro_rules! mistakes {
    (
        $($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+
        of changes: $($(#[doc = $of_changes:literal])+ $change:ident = $word:literal,)+
        of joins: $($(#[doc = $of_joins:literal])+ $join:ident = $called:literal,)+
        of ingest: $($(#[doc = $of_ingest:literal])+ $ingest:ident = $named:literal,)+
    ) => {
        /// A mistake that the engine can be told to make.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mistake {
            $($(#[doc = $doc])+ $name,)+
            $($(#[doc = $of_changes])+ $change,)+
            $($(#[doc = $of_joins])+ $join,)+
            $($(#[doc = $of_ingest])+ $ingest,)+
        }

        impl Mistake {
            /// All of the engine's.
            pub const ALL: &[Mistake] = &[$(Mistake::$name,)+ $(Mistake::$change,)+];

            /// All of those that show where rows are joined, for `tests/joins`.
            pub const OF_JOINS: &[Mistake] = &[$(Mistake::$join,)+];

            /// All of ingest's, whose simulator is another.
            pub const OF_INGEST: &[Mistake] = &[$(Mistake::$ingest,)+];

            /// Its name on a command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Mistake::$name => $text,)+
                    $(Mistake::$change => $word,)+
                    $(Mistake::$join => $called,)+
                    $(Mistake::$ingest => $named,)+
                }
            }

            /// Whether it can show only where rows of a table change.
            pub fn is_of_changes(self) -> bool {
                matches!(self, $(Mistake::$change)|+)
            }
        }
    };
}

mistakes! {
    /// The database's prefix is committed before the rows.
    OffsetsBeforeRows = "offsets-before-rows",
    /// The database's generation is not checked: an older cluster claims as if it were the newest.
    FenceNotChecked = "fence-not-checked",
    /// A COMMIT without an answer is taken for done.
    AnswerTakenForGranted = "answer-taken-for-granted",
    /// A COMMIT without an answer is taken for lost, and written again.
    AnswerTakenForLost = "answer-taken-for-lost",
    /// Kafka's progress record goes into a transaction of its own, before the changes.
    ProgressBeforeChanges = "progress-before-changes",
    /// Of Kafka's two transactional ids only the first is taken over.
    SecondIdNotTaken = "second-id-not-taken",
    /// Kafka's transactions that failed are not made anew.
    AbortTakenForDone = "abort-taken-for-done",
    /// Totals are applied before all readers have sent theirs of that epoch.
    FrontierIgnored = "frontier-ignored",
    /// Gather drafts what it has, not what is complete.
    CutIgnored = "cut-ignored",
    /// A row that left the ranking is not deleted.
    RetractionDropped = "retraction-dropped",
    /// Ties are ordered by a hash of the keys.
    TiesByHash = "ties-by-hash",
    /// Windows are dropped by the global watermark, so that sales are late by the pace of other partitions.
    LateByGlobalWatermark = "late-by-global-watermark",
    /// A correction of a closed window is dropped.
    CorrectionDropped = "correction-dropped",
    /// Rows are written whether they changed or not.
    UnchangedWritten = "unchanged-written",
    /// A snapshot's manifest does not wait for its parts, which do not come.
    ManifestFirst = "manifest-first",
    /// A snapshot counts before what it stands for is durable.
    SnapshotBeforeDurable = "snapshot-before-durable",
    /// A part is copied when it is asked for, not when its epoch has come.
    CopyTooEarly = "copy-too-early",
    /// After a snapshot that failed the next one is not full.
    FailureForgotten = "failure-forgotten",
    /// Checksums are not compared.
    ChecksumIgnored = "checksum-ignored",
    /// The greatest event times are not restored with a snapshot.
    ClockNotRestored = "clock-not-restored",
    /// After a restart commits are written at once, without catching up.
    CatchUpSkipped = "catch-up-skipped",
    /// Reading does not wait until both sinks have the same prefix.
    HoldIgnored = "hold-ignored",
    /// After a restart rows that left meanwhile are not deleted.
    GoneRowsKept = "gone-rows-kept",
    /// Rejects are written after the rows.
    RejectsAfterRows = "rejects-after-rows",
    /// Of two clusters that open at once each may have one sink.
    SinksNotConfirmed = "sinks-not-confirmed",
    /// An opening leaves nothing in the progress of a topic before it commits.
    MarkGivenUp = "mark-given-up",
    /// A worker that is asked to stop before it has begun ends at once.
    StopWhileStarting = "stop-while-starting",
    /// A stop on the way to the present counts as the input's end.
    StopTakenForEnd = "stop-taken-for-end",
    /// An epoch that holds no sale, only a report or a promise, is not told to the other workers.
    OthersNotTold = "others-not-told",
    /// One process is asked to stop, and does not pass it on.
    StopNotPassedOn = "stop-not-passed-on",
    /// A worker whose input has ended leaves, although others read on.
    EndedWorkerLeaves = "ended-worker-leaves",
    /// A partition that waits at its very beginning is read.
    BeginningNotHeld = "beginning-not-held",
    /// What a sink's commits are of is not compared, nor which database it is.
    IdentityIgnored = "identity-ignored",
    /// A database that shows less than it acknowledged is written to as if it did not.
    LostCommitsIgnored = "lost-commits-ignored",
    /// A commit that becomes visible only after it was made again is taken for another cluster's.
    LateCommitRefused = "late-commit-refused",
    /// Who has been taken over goes on writing snapshots, under the next free number.
    StoreFenceNotChecked = "store-fence-not-checked",
    /// Parts of snapshots that are still being made are removed too.
    NewerPartsCollected = "newer-parts-collected",
    /// Whether the log still holds what was committed is not asked.
    LogNotAsked = "log-not-asked",
    /// Leader epochs are not compared: a log that was truncated and has grown again is taken for the same.
    EpochsNotCompared = "epochs-not-compared",
    /// A snapshot is started from although a sink is older than it.
    OlderSinkIgnored = "older-sink-ignored",
    /// Records that were counted and are gone are not missed.
    RecordsNotCounted = "records-not-counted",
    /// After a restart the values that uniqueness remembers are not read back.
    IdsNotReadBack = "ids-not-read-back",
    /// What comes of a topic after a silence is given on without asking whether it is still the same topic.
    SilenceNotAsked = "silence-not-asked",
    /// A topic that is gone is waited for without end.
    MissingTopicAwaited = "missing-topic-awaited",
    /// A row that a sink refuses is left out without a letter.
    RefusalNotTold = "refusal-not-told",
    /// What a sink refused and has told is told again at each start.
    LettersComeAgain = "letters-come-again",
    /// Of rows that are refused together all are left out, also those that would be taken.
    HalvesNotTried = "halves-not-tried",
    /// Of a row that is refused the sink goes on to show older values.
    RefusedRowStays = "refused-row-stays",
    /// A row that is refused only when the transaction ends is not looked for.
    RefusedCommitIsFinal = "refused-commit-is-final",
    /// A limit that was not enough for an answer is the limit of the next attempt, too.
    LimitNotDoubled = "limit-not-doubled",
    /// A transaction that a connection left open when it went silent is not ended.
    StrandedNotEnded = "stranded-not-ended",
    /// A login that is refused after it was taken is wrong usage, as one that never was.
    LoginIsFinal = "login-is-final",
    /// While a login is refused, the file with the secret is not read again.
    SecretNotReadAnew = "secret-not-read-anew",
    /// Who was not let in for a while and is again does not look whether its last commit is there.
    ReturnNotCompared = "return-not-compared",
    /// Asked to stop, a process ends when all is committed, and never before.
    StopWithoutLimit = "stop-without-limit",
    /// Asked to stop while it begins, a run goes on although it is not known which input it has.
    UnknownSourceWritten = "unknown-source-written",
    /// Of what a run could not commit before its end it says that it is nothing.
    InFlightNotTold = "in-flight-not-told",
    /// Rows of a window whose positions are asked for are told once, and not what becomes of them.
    PositionsToldOnce = "positions-told-once",
    /// What is told of positions counts when it comes, not when its epoch does.
    PositionsToldAhead = "positions-told-ahead",
    /// A window that was dropped before anybody asked for its positions is told to be empty.
    DroppedWindowToldEmpty = "dropped-window-told-empty",
    of changes:
    /// The row that is held is another one before the one that it was is taken back.
    HeldBeforeRetraction = "held-before-retraction",
    /// The row that is taken back is judged by the watermark behind the record.
    RetractionJudgedAfter = "retraction-judged-after",
    /// What a record says of the row before it is believed, and not the row that is held.
    BeforeBelieved = "before-believed",
    /// A row that comes again as it is counts as another one.
    SameRowUpdated = "same-row-updated",
    /// A row of which one half is late is not held any more.
    HalfLateLetGo = "half-late-let-go",
    /// A truncate takes nothing back of what a snapshot of the source had found.
    FoundNotEmptied = "found-not-emptied",
    /// A truncate forgets rows and takes none back.
    EmptiedNotTakenBack = "emptied-not-taken-back",
    /// Rows that a snapshot of the source finds move the watermark, each by itself.
    FoundMovesWatermark = "found-moves-watermark",
    /// Up to where a snapshot of the source had found rows is not restored.
    FoundNotRestored = "found-not-restored",
    /// Rows that are held are not copied.
    HeldNotCopied = "held-not-copied",
    /// Rows that are held are copied when the snapshot is ordered, and not when its epoch has come.
    HeldCopiedEarly = "held-copied-early",
    /// Keys that ended are not in the copy: they come back with the parts before it.
    EndedNotCopied = "ended-not-copied",
    /// After a truncate a copy does not say that no copy before it counts.
    EmptiedNotCopied = "emptied-not-copied",
    /// Where parts are loaded, that a key ended is passed over.
    EndedNotLoaded = "ended-not-loaded",
    /// Where parts are loaded, earlier ones are over later ones.
    EarlierPartsOver = "earlier-parts-over",
    /// Each worker loads the rows of another worker's partitions.
    HeldOfAnother = "held-of-another",
    /// Where there are fewer workers than partitions, each loads the rows of one: the others are left behind.
    HeldLeftBehind = "held-left-behind",
    /// The two halves of a change go into two epochs.
    HalvesInTwoEpochs = "halves-in-two-epochs",
    /// A group whose rows are all gone stays.
    EmptyGroupStays = "empty-group-stays",
    /// A copy of changes does not say which groups are gone.
    GoneNotCopied = "gone-not-copied",
    /// Of equal values in a group all go when one does.
    EqualValuesGo = "equal-values-go",
    /// Of equal times the row speaks that came last, whatever its key.
    TiesByPlace = "ties-by-place",
    /// That a row is ranked no more is not told to who answers for positions.
    PositionOfGoneStays = "position-of-gone-stays",
    of joins:
    /// Of a key in several partitions of a dimension the highest speaks.
    HighestSpeaks = "highest-speaks",
    /// A version that comes late does not split the one that held then.
    LateVersionNotSplit = "late-version-not-split",
    /// Rows without a partner are left out of a LEFT JOIN.
    LeftIsInner = "left-is-inner",
    /// The first level of a join is not in the snapshot.
    FirstLevelNotCopied = "first-level-not-copied",
    /// A pair is of the earlier of the two times.
    PairOfEarlierTime = "pair-of-earlier-time",
    /// A pair counts in windows that are closed to the one of the two that came first.
    PairClosedToOne = "pair-closed-to-one",
    /// Rows whose times are as far apart as may be are no pair.
    PairBoundOpen = "pair-bound-open",
    /// A row goes with its own window, whatever pairs of it may come.
    PairRowGoesEarly = "pair-row-goes-early",
    /// Rows go to owners by where they were read, and not by their key.
    PairByReader = "pair-by-reader",
    /// Rows that are kept for pairs are not copied.
    PairRowsNotCopied = "pair-rows-not-copied",
    /// Each worker loads the rows of another worker's bins.
    PairRowsOfAnother = "pair-rows-of-another",
    of ingest:
    /// The cursor is committed in a transaction of its own, before the records.
    IngestCursorFirst = "ingest-cursor-first",
    /// The records are committed before the cursor, which has a transaction of its own.
    IngestCursorLast = "ingest-cursor-last",
    /// A transaction without an answer is taken for done.
    IngestAnswerForGranted = "ingest-answer-for-granted",
    /// A transaction without an answer is made once more, and the log is not asked what became of it.
    IngestAnswerForLost = "ingest-answer-for-lost",
    /// After a transaction that failed the source goes on behind it.
    IngestFailureForgotten = "ingest-failure-forgotten",
    /// The cursor is read before the source is taken over.
    IngestReadBeforeTakeover = "ingest-read-before-takeover",
    /// Who was taken over takes the source over once more.
    IngestFencedGoesOn = "ingest-fenced-goes-on",
    /// A cursor of an older generation is gone on from.
    IngestOlderTaken = "ingest-older-taken",
    /// A cursor of another configuration is gone on from.
    IngestOtherTaken = "ingest-other-taken",
    /// Files are moved when they were read, and not when that is committed.
    IngestMovedEarly = "ingest-moved-early",
    /// What was taken is not noted in the ledger.
    IngestNotNoted = "ingest-not-noted",
    /// A file that went back to other content while it was read is gone on with.
    IngestContentNotCompared = "ingest-content-not-compared",
    /// Senders are answered before what they sent is committed.
    IngestAnsweredEarly = "ingest-answered-early",
    /// What came twice is written twice.
    IngestTwiceWritten = "ingest-twice-written",
    /// Of a page that is asked for again all rows are new.
    IngestPageAllNew = "ingest-page-all-new",
    /// A cursor that goes back is followed.
    IngestCircleFollowed = "ingest-circle-followed",
    /// What a pass wrote is known only as long as the process lives.
    IngestSeenNotNoted = "ingest-seen-not-noted",
    /// The moment that a pass asks from moves with each of its pages.
    IngestMomentEarly = "ingest-moment-early",
    /// The next pass begins at the greatest time that was seen, without the overlap.
    IngestNoOverlap = "ingest-no-overlap",
    /// A pass that moves by pages ends for good: what moved to pages that it had read is not looked for.
    IngestPassesEnd = "ingest-passes-end",
    /// The next pass over a table begins at the next transaction, and not at the oldest that runs.
    IngestHorizonNext = "ingest-horizon-next",
    /// Rows that a later pass sees again are not noted.
    IngestRowNotNoted = "ingest-row-not-noted",
    /// A pass that goes on after a break ends as one that has seen all.
    IngestBrokenPassEnds = "ingest-broken-pass-ends",
    /// Another database is read as if it were the one before.
    IngestOtherDatabase = "ingest-other-database",
    /// A table is read from what the last look saw on, whoever still writes.
    IngestRunningNotAsked = "ingest-running-not-asked",
    /// A pass that goes on after a break lets the next one begin where what runs now allows it.
    IngestWindowOfLater = "ingest-window-of-later",
    /// The log of a database is acknowledged when it was read, and not when that is committed.
    IngestChangeAcknowledgedEarly = "ingest-change-acknowledged-early",
    /// Of a transaction that is written in parts it is not known how much of it is.
    IngestChangesNotCounted = "ingest-changes-not-counted",
    /// A slot that is gone is made anew, and the log is read from there.
    IngestSlotMadeAnew = "ingest-slot-made-anew",
    /// That a slot was moved on by somebody else is not looked for.
    IngestSlotNotCompared = "ingest-slot-not-compared",
    /// Whether the log is the one that was read is not asked.
    IngestLogNotCompared = "ingest-log-not-compared",
    /// Behind a snapshot the log is read from where it is then, and not from where the slot began.
    IngestSnapshotGap = "ingest-snapshot-gap",
    /// A snapshot that goes on after a break takes rows as they are by then.
    IngestTouchedAsItIs = "ingest-touched-as-it-is",
    /// A row whose key changes is an update under its new key.
    IngestKeyChangeAsUpdate = "ingest-key-change-as-update",
    /// What the log leaves out of a row because it is unchanged is NULL.
    IngestUnchangedNull = "ingest-unchanged-null",
    /// What failed is shown as running.
    IngestBrokenShown = "ingest-broken-shown",
    /// An envelope that is sent again after a fault has the nonce of the one before.
    IngestNonceAgain = "ingest-nonce-again",
    /// An envelope that was made once is sent for every page and every attempt.
    IngestOldEnvelope = "ingest-old-envelope",
    /// A fault that is the sender's is waited for as if it were the receiver's.
    IngestSenderRetried = "ingest-sender-retried",
    /// Of several pages in one transaction the cursor is that of the first.
    IngestGatherCursorStays = "ingest-gather-cursor-stays",
    /// A page that fails behind others of its transaction is passed over, and the endpoint is asked on.
    IngestGatherGoesOn = "ingest-gather-goes-on",
}

#[cfg(feature = "sabotage")]
thread_local! {
    static PRESENT: std::cell::Cell<Option<Mistake>> = const { std::cell::Cell::new(None) };
}

/// Makes this mistake from now on, on this thread; `None`: none.
#[cfg(feature = "sabotage")]
pub fn make(mistake: Option<Mistake>) {
    PRESENT.set(mistake);
}

/// Whether this mistake is to be made.
#[inline(always)]
pub fn is(mistake: Mistake) -> bool {
    #[cfg(feature = "sabotage")]
    return PRESENT.get() == Some(mistake);
    #[cfg(not(feature = "sabotage"))]
    {
        let _ = mistake;
        false
    }
}
