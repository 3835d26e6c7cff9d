import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.tokenattributes.*;

/**
 * Prints what Lucene makes of texts: java -cp anserini.jar LuceneTokens.java ANALYZER < texts
 *
 * <p>ANALYZER is "english" for Anserini's DefaultEnglishAnalyzer or the name of a Lucene analyzer class below
 * org.apache.lucene.analysis ("cjk.CJKAnalyzer"), or "snowball.German" for words in lower case through a SnowballFilter. One line in, a text in hexadecimal UTF-8, gives one
 * line out: each term in hexadecimal UTF-8, separated by blanks.
 */
public class LuceneTokens {
  public static void main(String[] args) throws Exception {
    Analyzer a = args[0].startsWith("snowball.") ? snowball(args[0].substring(9)) : args[0].equals("english")
        ? (Analyzer) Class.forName("io.anserini.analysis.DefaultEnglishAnalyzer").getMethod("newDefaultInstance").invoke(null)
        : (Analyzer) Class.forName("org.apache.lucene.analysis." + args[0]).getConstructor().newInstance();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.US_ASCII);
    HexFormat hex = HexFormat.of();
    for (String line; (line = in.readLine()) != null; ) {
      String text = new String(hex.parseHex(line), StandardCharsets.UTF_8);
      StringBuilder b = new StringBuilder();
      try (TokenStream s = a.tokenStream("f", text)) {
        CharTermAttribute term = s.addAttribute(CharTermAttribute.class);
        s.reset();
        while (s.incrementToken()) {
          if (!b.isEmpty()) b.append(' ');
          b.append(hex.formatHex(term.toString().getBytes(StandardCharsets.UTF_8)));
        }
        s.end();
      }
      out.println(b);
    }
    out.flush();
  }

  private static Analyzer snowball(String language) {
    return new Analyzer() {
      @Override
      protected TokenStreamComponents createComponents(String field) {
        var words = new org.apache.lucene.analysis.standard.StandardTokenizer();
        var lower = new org.apache.lucene.analysis.LowerCaseFilter(words);
        return new TokenStreamComponents(words, new org.apache.lucene.analysis.snowball.SnowballFilter(lower, language));
      }
    };
  }
}
