DROP TABLE known_networks;
DROP TABLE attempts;
