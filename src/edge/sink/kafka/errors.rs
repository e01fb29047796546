//! The table of Kafka's errors: what each code of a broker or of the client means for a commit.
//!
//! 1. Before the table counts what the client says of the transaction itself: that it must be given up, or that the same
//!    call may be made again (`producer.rs`). It knows the state that it is in; the table knows what the code means.
//! 2. A code that no line has is `UNKNOWN`: a decision of its own, and no guess.

use rdkafka::error::RDKafkaErrorCode as Code;

use standings_commit::kind::Kind;
use standings_commit::kind::Kind::{Fenced, Final, Login, Passing, Row, Wrong};

/// What is decided of a code that no line has, such as those of newer brokers: the run ends, and who started it may start it
/// again. Waiting could hide for ever what never heals.
const UNKNOWN: Kind = Final;

/// Codes with one meaning, and why they have it.
type Lines = (Kind, &'static [Code], &'static str);

/// By what they mean.
const TABLE: &[Lines] = &[
    (
        Passing,
        &[
            Code::BrokerDestroy,
            Code::DestroyBroker,
            Code::BrokerTransportFailure,
            Code::Resolve,
            Code::AllBrokersDown,
            Code::UnknownBroker,
            Code::NetworkException,
            Code::BrokerNotAvailable,
            Code::RebootstrapRequired,
        ],
        "the brokers are away, or cannot be reached",
    ),
    (
        Passing,
        &[
            Code::MessageTimedOut,
            Code::OperationTimedOut,
            Code::TimedOutQueue,
            Code::RequestTimedOut,
            Code::ThrottlingQuotaExceeded,
            Code::QueueFull,
            Code::InProgress,
            Code::PreviousInProgress,
            Code::WaitCache,
            Code::Retry,
            Code::Interrupted,
            Code::Outdated,
            Code::PurgeQueue,
            Code::PurgeInflight,
        ],
        "it takes longer than the call waits, or the call was broken off",
    ),
    (
        Passing,
        &[
            Code::LeaderNotAvailable,
            Code::NotLeaderForPartition,
            Code::ReplicaNotAvailable,
            Code::FencedLeaderEpoch,
            Code::UnknownLeaderEpoch,
            Code::OffsetNotAvailable,
            Code::PreferredLeaderNotAvailable,
            Code::EligibleLeadersNotAvailable,
            Code::ElectionNotNeeded,
            Code::StaleControllerEpoch,
            Code::StaleBrokerEpoch,
            Code::NotController,
            Code::ReassignmentInProgress,
            Code::NoReassignmentInProgress,
            Code::NodeUpdate,
            Code::ListenerNotFound,
        ],
        "leaders are being changed",
    ),
    (
        Passing,
        &[
            Code::CoordinatorLoadInProgress,
            Code::CoordinatorNotAvailable,
            Code::NotCoordinator,
            Code::WaitingForCoordinator,
            Code::ConcurrentTransactions,
            Code::UnstableOffsetCommit,
            Code::RebalanceInProgress,
        ],
        "the coordinator is being changed, or is busy with the transaction before",
    ),
    (
        Passing,
        &[
            Code::NotEnoughReplicas,
            Code::NotEnoughReplicasAfterAppend,
            Code::ISRInsufficient,
            Code::KafkaStorageError,
            Code::LogDirNotFound,
        ],
        "too few copies, or a broken disk: others take over, or it is repaired",
    ),
    (
        Passing,
        &[
            Code::UnknownTopicOrPartition,
            Code::UnknownTopic,
            Code::UnknownPartition,
            Code::UnknownTopicId,
        ],
        "a topic that was just made is not known everywhere; one that is gone is found by its id",
    ),
    (
        Passing,
        &[
            Code::InvalidTransactionalState,
            Code::InvalidProducerIdMapping,
            Code::UnknownProducerId,
            Code::OutOfOrderSequenceNumber,
            Code::DuplicateSequenceNumber,
            Code::GaplessGuarantee,
        ],
        "the transaction is lost, and is made anew; where the producer is, the client calls it fatal",
    ),
    (
        Passing,
        &[
            Code::InvalidMessage,
            Code::BadMessage,
            Code::InvalidTimestamp,
        ],
        "damaged on its way; or a wrong clock, which can be set while commits wait",
    ),
    (
        Login,
        &[
            Code::Authentication,
            Code::SaslAuthenticationFailed,
            Code::IllegalSASLState,
            Code::SSL,
            Code::SecurityDisabled,
            Code::DelegationTokenAuthDisabled,
            Code::DelegationTokenNotFound,
            Code::DelegationTokenOwnerMismatch,
            Code::DelegationTokenRequestNotAllowed,
            Code::DelegationTokenAuthorizationFailed,
            Code::DelegationTokenExpired,
            Code::UnacceptableCredential,
            Code::PrincipalDeserializationFailure,
        ],
        "who comes is not let in",
    ),
    (
        Wrong,
        &[
            Code::TopicAuthorizationFailed,
            Code::GroupAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
            Code::TransactionalIdAuthorizationFailed,
        ],
        "a right is missing",
    ),
    (
        Wrong,
        &[
            Code::UnsupportedSASLMechanism,
            Code::UnsupportedCompressionType,
            Code::UnsupportedFeature,
            Code::InvalidTransactionTimeout,
            Code::InvalidRequiredAcks,
            Code::InvalidTopic,
            Code::InvalidConfig,
            Code::InvalidPartitions,
            Code::InvalidReplicationFactor,
            Code::InvalidReplicaAssignment,
            Code::PolicyViolation,
            Code::TopicDeletionDisabled,
            Code::NotConfigured,
            Code::UnsupportedVersion,
            Code::UnsupportedForMessageFormat,
        ],
        "a setting that these brokers do not take",
    ),
    (
        Row,
        &[
            Code::MessageSizeTooLarge,
            Code::MessageBatchTooLarge,
            Code::InvalidMessageSize,
            Code::InvalidRecord,
        ],
        "the topic does not take the message: too large, or against its rules",
    ),
    (
        Fenced,
        &[
            Code::Fenced,
            Code::ProducerFenced,
            Code::InvalidProducerEpoch,
            Code::TransactionCoordinatorFenced,
        ],
        "another producer has the transactional id",
    ),
    (
        Final,
        &[
            Code::GroupIdNotFound,
            Code::IllegalGeneration,
            Code::InconsistentGroupProtocol,
            Code::InvalidGroupId,
            Code::UnknownMemberId,
            Code::InvalidSessionTimeout,
            Code::InvalidCommitOffsetSize,
            Code::OffsetMetadataTooLarge,
            Code::NonEmptyGroup,
            Code::MemberIdRequired,
            Code::GroupMaxSizeReached,
            Code::FencedInstanceId,
            Code::GroupSubscribedToTopic,
            Code::FencedMemberEpoch,
            Code::UnreleasedInstanceId,
            Code::UnsupportedAssignor,
            Code::StaleMemberEpoch,
            Code::UnknownGroup,
            Code::ExistingSubscription,
            Code::AssignPartitions,
            Code::RevokePartitions,
            Code::AssignmentLost,
            Code::PollExceeded,
        ],
        "groups are nothing of a sink's",
    ),
    (
        Final,
        &[
            Code::OffsetOutOfRange,
            Code::PartitionEOF,
            Code::NoOffset,
            Code::AutoOffsetReset,
            Code::LogTruncation,
            Code::FetchSessionIdNotFound,
            Code::InvalidFetchSessionEpoch,
            Code::BadCompression,
            Code::KeyDeserialization,
            Code::ValueDeserialization,
            Code::Partial,
            Code::InvalidDifferentRecord,
        ],
        "of reading, which asks for them itself",
    ),
    (
        Final,
        &[
            Code::InvalidRequest,
            Code::TopicAlreadyExists,
            Code::OperationNotAttempted,
            Code::InvalidPrincipalType,
            Code::ResourceNotFound,
            Code::DuplicateResource,
            Code::InconsistentVoterSet,
            Code::InvalidUpdateVersion,
            Code::FeatureUpdateFailed,
            Code::UnknownSubscriptionId,
            Code::TelemetryTooLarge,
        ],
        "of administration, or a request that is not well made: ours, and a defect",
    ),
    (
        Final,
        &[
            Code::Fail,
            Code::CriticalSystemResource,
            Code::FileSystem,
            Code::InvalidArgument,
            Code::Conflict,
            Code::State,
            Code::UnknownProtocol,
            Code::NotImplemented,
            Code::KeySerialization,
            Code::ValueSerialization,
            Code::ReadOnly,
            Code::NoEnt,
            Code::Underflow,
            Code::InvalidType,
            Code::Fatal,
            Code::Inconsistent,
            Code::Application,
            Code::Noop,
        ],
        "the client itself: a defect, or its machine is at its end",
    ),
    (
        Final,
        &[Code::Unknown, Code::NoError, Code::Begin, Code::End],
        "says nothing",
    ),
];

/// What a code means.
pub fn kind(code: Code) -> Kind {
    let line = TABLE.iter().find(|(_, codes, _)| codes.contains(&code));
    line.map_or(UNKNOWN, |(kind, ..)| *kind)
}

#[cfg(test)]
mod tests {
    use rdkafka::bindings::rd_kafka_get_err_descs;

    use super::*;

    /// Every code that the client knows, so that one that a newer client brings is decided too.
    fn all() -> Vec<(i32, String)> {
        let (mut descriptions, mut count) = (std::ptr::null(), 0);
        // SAFETY: it fills both in with a table that is there as long as the program, names and all.
        let all = unsafe {
            rd_kafka_get_err_descs(&raw mut descriptions, &raw mut count);
            std::slice::from_raw_parts(descriptions, count)
        };
        let named = all.iter().filter(|d| !d.name.is_null());
        named
            .map(|d| {
                // SAFETY: a name that is not null is a text that ends with a zero.
                let name = unsafe { std::ffi::CStr::from_ptr(d.name) };
                (d.code as i32, name.to_string_lossy().into_owned())
            })
            .collect()
    }

    #[test]
    fn every_code_that_the_client_knows_has_one_line() {
        let all = all();
        assert!(all.len() > 150, "{}", all.len());
        let codes: Vec<i32> = TABLE
            .iter()
            .flat_map(|(_, codes, _)| codes.iter())
            .map(|c| *c as i32)
            .collect();
        for (code, name) in all {
            let lines = codes.iter().filter(|c| **c == code).count();
            assert_eq!(lines, 1, "{name} ({code})");
        }
        assert!(
            TABLE
                .iter()
                .all(|(_, codes, why)| !codes.is_empty() && !why.is_empty())
        );
    }

    /// Line by line, what was meant.
    #[test]
    fn every_line_means_what_it_should() {
        let passing = [
            Code::BrokerTransportFailure,
            Code::Resolve,
            Code::AllBrokersDown,
            Code::NetworkException,
            Code::MessageTimedOut,
            Code::OperationTimedOut,
            Code::RequestTimedOut,
            Code::ThrottlingQuotaExceeded,
            Code::PurgeInflight,
            Code::LeaderNotAvailable,
            Code::NotLeaderForPartition,
            Code::NotController,
            Code::CoordinatorLoadInProgress,
            Code::CoordinatorNotAvailable,
            Code::ConcurrentTransactions,
            Code::NotEnoughReplicas,
            Code::KafkaStorageError,
            Code::UnknownTopicOrPartition,
            Code::InvalidProducerIdMapping,
            Code::OutOfOrderSequenceNumber,
            Code::InvalidTimestamp,
        ];
        let login = [
            Code::Authentication,
            Code::SaslAuthenticationFailed,
            Code::SSL,
            Code::DelegationTokenExpired,
        ];
        let wrong = [
            Code::TopicAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
            Code::TransactionalIdAuthorizationFailed,
            Code::UnsupportedSASLMechanism,
            Code::InvalidTransactionTimeout,
            Code::InvalidTopic,
            Code::PolicyViolation,
        ];
        let row = [
            Code::MessageSizeTooLarge,
            Code::MessageBatchTooLarge,
            Code::InvalidMessageSize,
            Code::InvalidRecord,
        ];
        let fenced = [
            Code::Fenced,
            Code::ProducerFenced,
            Code::InvalidProducerEpoch,
            Code::TransactionCoordinatorFenced,
        ];
        let last = [
            Code::InvalidGroupId,
            Code::OffsetOutOfRange,
            Code::InvalidRequest,
            Code::InvalidArgument,
            Code::Fatal,
            Code::Unknown,
        ];
        for (right, codes) in [
            (Passing, &passing[..]),
            (Login, &login),
            (Wrong, &wrong),
            (Row, &row),
            (Fenced, &fenced),
            (Final, &last),
        ] {
            for code in codes {
                assert_eq!(kind(*code), right, "{code:?}");
            }
        }
    }
}
