package prose

import "strings"

// Language returns the language of a text by its commonest words: "de", "en",
// "es", "fr", "it", "nl" or "pt". Where they do not decide, it is "en".
func Language(text string) string { return languageOf(Words(text)) }

// languages are in the order in which they win where two have as many words.
var languages = [...]string{"en", "de", "fr", "es", "it", "nl", "pt"}

func languageOf(words []string) string {
	best, most := languages[0], 0
	for _, language := range languages {
		n, common := 0, commonWords[language]
		for _, w := range words {
			if common[w] {
				n++
			}
		}
		if n > most {
			best, most = language, n
		}
	}
	return best
}

// commonWords are the words of each language that say nothing about the subject,
// those of questions among them.
var commonWords = func() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for language, words := range map[string]string{
		"en": `a about after all also am an and any are as at be because been before being but by can could did do does
			doing don for from get had has have having he her here him his how i if in into is it its just let like many me more most much my no not
			of on or our out over please s same shall she should so some such t tell than that the their them then there these they this those
			to too under up us use used using versus very vs want was way we were what when where which while who whom whose why will with would you your`,
		"de": `aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dem den der des dich die dies diese diesem diesen dieser dieses
			dir doch du durch ein eine einem einen einer eines er es euch für gibt habe haben habt hast hat hatte hier ich ihm ihn ihr ihre im in ist ja
			jede jeder jedes kann kannst können mein meine mich mir mit muss müssen nach nicht noch nun nur ob oder ohne sein seine sich sie sind so soll
			über um und uns unser vom von vor wann warum was welche welchem welchen welcher welches wem wen wenn wer werden weshalb wie wieso wieviel viel viele
			wieder will wir wird wo wofür woher wohin womit wurde zu zum zur man mal bitte brauche brauchen darf`,
		"fr": `à ai alors après as au aussi aux avant avec avez avoir c ce cela ces cet cette ceux chez ci comme comment combien d dans de des depuis dois doit
			donc du elle elles en est et être eu faire fait faut il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont où ou
			par pas peut peux plus pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur t ta te tes toi ton tu
			un une va vers veut vos votre vous y`,
		"es": `a al algo como cómo con cual cuál cuales cuáles cuando cuándo cuantas cuántas cuantos cuántos de del desde donde dónde e el
			ella ellas ellos en entre era eres es esa ese eso esta está están estas este esto estos fue ha hacer hay la las le les lo los me mi mis mucho muy más
			no nos o para pero por porque puede puedo que qué quien quién se ser si sí sin sobre son su sus también te tengo tiene tu tus un una uno unos y ya yo`,
		"it": `a ad al alla alle anche c che chi ci come con cosa cui d da dal dalla dei del della delle devo di dove e è ed gli ha hanno ho i il in io l la le
			lei lo loro lui ma mi mia mio ne nei nel nella non o per perché più posso può qual quale quali quando quanti quanto quanta quante questa queste questi questo
			se sei si sia sono su sua sul sulla suo ti tra tu un una uno`,
		"nl": `aan al als bij dan dat de der deze die dit door een en er had heb hebben heeft het hij hoe hoeveel ik in is je kan kun maar me meer met mijn moet na naar
			niet nog of om ons ook op over te tot u uit van veel voor waar waarom wanneer was wat we welk welke werd wie wij wordt worden ze zich zij zijn zo`,
		"pt": `a à ao aos as às com como da das de dela dele do dos e é ela ele em entre era essa esse esta está estão este eu foi fazer há isso isto já mais mas
			me meu minha muito na não nas no nos o onde os ou para pela pelo pode por porque posso qual quais quando quanto quantos quanta quantas que quem se sem ser seu
			seus são só sua suas também te tem tenho um uma você`,
	} {
		set := map[string]bool{}
		for w := range strings.FieldsSeq(words) {
			set[w] = true
		}
		all[language] = set
	}
	return all
}()

// commonSigns are characters of scripts without spaces that mostly belong to words
// of questions and grammar.
var commonSigns = func() map[string]bool {
	set := map[string]bool{}
	for _, r := range "的了是有在多少什么么时候怎样如何哪谁吗呢几为我你他她它们这那要能可以和与及也都很吧啊请がはをにのでともかへやな" {
		set[string(r)] = true
	}
	return set
}()
