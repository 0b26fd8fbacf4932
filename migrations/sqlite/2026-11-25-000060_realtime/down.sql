DROP INDEX tasks_open_by_due_at;
DROP TABLE realtime_tickets;
DROP TABLE notification_preferences;
DROP TABLE notifications;
DROP TABLE access_changes;
DELETE FROM relay WHERE name IN ('notified', 'notifications', 'access');
DROP TABLE leases;
