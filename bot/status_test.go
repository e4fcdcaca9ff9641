package bot

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadyMeansConnectedAndAliveAndAStoreThatAnsweredLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStatus()
		c := &connection{number: 1}
		hear := func() { c.aliveAt.Store(time.Now().UnixMilli()) }
		expect := func(want bool, when string) {
			t.Helper()
			if h := s.health(); h.Ready != want {
				t.Errorf("%s: %+v", when, h)
			}
		}
		expect(false, "at the start")
		s.storeAnswered()
		expect(false, "with a store only")
		c.helloAt.Store(time.Now().UnixMilli())
		hear()
		s.greeted(c)
		expect(true, "with both")
		time.Sleep(storeWithin)
		expect(true, "just within the store's time")
		time.Sleep(time.Millisecond)
		expect(false, "just past it")
		s.storeAnswered()
		expect(true, "when the store answers again")
		time.Sleep(aliveWithin + time.Millisecond - storeWithin)
		s.storeAnswered()
		expect(false, "when nothing has come by the connection")
		hear()
		expect(true, "when a ping has come")
		s.stopping.Store(true)
		expect(false, "when it is stopping")
		s.stopping.Store(false)
		s.gone(c)
		expect(false, "without a connection")
	})
}

func TestOneConnectionOfTwoIsEnoughToBeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStatus()
		s.storeAnswered()
		for i := range 2 {
			c := &connection{number: int64(i)}
			c.helloAt.Store(time.Now().UnixMilli())
			c.aliveAt.Store(time.Now().Add(-time.Duration(i) * time.Hour).UnixMilli())
			s.greeted(c)
		}
		if h := s.health(); !h.Ready || len(h.Connections) != 2 {
			t.Errorf("%+v", h)
		}
	})
}

func TestHealthIsReadableAndNamesAStoreThatNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, err := json.Marshal(newStatus().health())
		if err != nil || !strings.Contains(string(text), `"store_answered":"never"`) ||
			!strings.Contains(string(text), `"connections":[]`) {
			t.Errorf("%s, %v", text, err)
		}
	})
}
