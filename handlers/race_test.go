//go:build race

package handlers_test

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// meeting are the tests in which replicas, workers, look-ups and clicks meet: with them the race
// detector sees each lock and each goroutine of the handlers. The others run the same code one step
// after another, and take ten times as long under it.
var meeting = []func(*testing.T){
	TestTwoReplicasAndFiftyRequestsAreOneRevocationEach,
	TestAnApprovalIsUsedOnce,
	TestARedeliveredCommandMakesOneRequest,
	TestAnActIsDoneOnceWhateverBecomesOfItsEnvelope,
	TestAStoppedReplicaFinishesWhatItHasAndAnotherTakesOver,
	TestKilledBetweenTheWriteAndItsRecordTheBotResumes,
	TestNobodyIsToldThatTheCardIsLateWhileAnotherWorkerPostsIt,
	TestAnotherReplicaEditsTheSameMessage,
	TestOfTwoRemindersThatCameDueTogetherOneIsTold,
	TestOnlyApproversWhoAreNotInTheChannelAreToldDirectlyAndOnce,
	TestAnotherReplicaTakesTheGuardOver,
	TestTwoLooksThatMissTheDenyAtTheSameTimeWriteItOnce,
	TestAnUndoAndARevocationOfTheSameRoleAreNotOpenAtOnce,
	TestAReportOfARoleOrARequestIsInTheThreadAndIsTheLogAndNothingElse,
	TestOfTwoLooksAtOneTimeOneOffersTheMenu,
	TestTheThreadOfTheStoryHasSixMessagesAndUnderSixHundredWords,
	TestApproversAreLookedUpAgainWhenMoreThanAMinuteLiesBetweenTheClickAndTheCallToAWS,
	TestTheAppHomeSaysWhatWaitsForThePersonAndShowsOneAccount,
	TestAMistypedRoleIsOfferedRightWithTheReasonKept,
}

// TestMeeting is what make test runs under the race detector.
func TestMeeting(t *testing.T) {
	for _, test := range meeting {
		name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		t.Run(name[strings.LastIndex(name, ".")+1:], test)
	}
}
