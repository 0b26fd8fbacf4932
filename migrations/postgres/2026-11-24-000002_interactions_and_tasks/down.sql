DROP TABLE tasks;
DROP TABLE interaction_people;
DROP TABLE interaction_users;
DROP TABLE interactions;
DROP INDEX organisations_by_last_activity_at;
DROP INDEX people_by_last_activity_at;
ALTER TABLE organisations DROP COLUMN last_activity_at;
ALTER TABLE people DROP COLUMN last_activity_at;

-- What the schema before this one cannot say is forgotten.
DELETE FROM changes WHERE resource IN ('interactions', 'tasks');
