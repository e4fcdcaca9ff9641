-- Tells the time of the server that holds the keys, which on a cluster is not any server.
-- KEYS: 1 any key of the store
-- Returns it in ms.
return clock()
