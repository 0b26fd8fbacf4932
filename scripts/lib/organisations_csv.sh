# shellcheck shell=bash
# A file to import, for measurements. Source this file, do not run it.
#
#   organisations_csv ROWS    writes a header and so many invented organisations to the standard output
#
# The same rows for the same number, on every awk. Keys come in no order, as in a register: names, licence numbers,
# e-mail addresses and phone numbers are spread over their whole range, which is what costs an index most. One row in a
# thousand has a phone number that is not valid. Phone numbers are of the ranges that numbering authorities keep free for
# fiction, hosts end in `.example`.

organisations_csv() {
    LC_ALL=C awk -v rows="$1" '
        function pick(list, size, salt) { return list[(spread * salt) % size + 1] }
        BEGIN {
            words = split("Alizé Boréal Cèdre Dune Érable Falaise Granit Horizon Îlot Jonquille Kiosque Lagune Mistral Noyer Océan Prairie Quartz Rivage Sapin Tilleul Univers Vallon Zénith", word, " ")
            trades = split("Gestion|Patrimoine|Capital|Asset Management|Conseil|Finance|Partenaires|Investissement|Épargne|Courtage|Holding", trade, "|")
            forms = split("SA SAS SARL SCA GmbH SE", form, " ")
            cities = split("Paris;75008|Lyon;69002|Marseille;13001|Lille;59000|Bordeaux;33000|Nantes;44000|Strasbourg;67000|Toulouse;31000|Nice;06000|Rennes;35000|Grenoble;38000|Saint-Étienne;42000", city, "|")
            print "nom;numéro de licence;pays;téléphone;site internet;ville;code postal;email;actif"
            for (row = 1; row <= rows; row++) {
                # A permutation: the factors are smaller than the prime, and the products are exact in a double.
                spread = (row * 48271) % 99999989
                last = sprintf("%04d", (spread * 31) % 10000)
                country = "FR"; phone = "01 99 00 " substr(last, 1, 2) " " substr(last, 3)
                if (spread % 10 == 0) { country = "Royaume-Uni"; phone = "020 7946 0" substr(last, 2) }
                if (spread % 10 == 1) { country = "DE"; phone = "+49 30 23125 " substr(last, 2) }
                if (row % 1000 == 0) phone = "sur demande"
                split(pick(city, cities, 3), place, ";")
                host = "societe-" spread ".example"
                printf "%s %s %d %s;GP%08d;%s;%s;https://www.%s;%s;%s;contact@%s;%s\n", \
                    pick(word, words, 7), pick(trade, trades, 13), spread, pick(form, forms, 5), spread, country, phone, \
                    host, place[1], place[2], host, (spread % 20 ? "oui" : "non")
            }
        }'
}
