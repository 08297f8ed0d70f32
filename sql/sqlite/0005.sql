-- Lists of requests go by their ids, whatever is filtered: SQLite prepares a statement once, and its plan has to do without filters that may be NULL.  Nothing
-- ever used these, and together they cost as much as the row.
DROP INDEX sluice_request_key;
DROP INDEX sluice_request_team;
DROP INDEX sluice_request_user;
DROP INDEX sluice_request_customer;
