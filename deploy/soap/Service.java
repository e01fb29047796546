// A service of SOAP as it is found in the field: Apache CXF, WS-Security by WSS4J (a digest with nonce and moment, a Timestamp),
// WS-Addressing, pages by cursor; with faults of both kinds when it is asked for them. deploy/soap/run starts it; tests ask it.
//
//   Service ROWS     prints its address; POST /sales11 and /sales12 there, GET /sales11?wsdl
//
// Every seventh call is answered by a fault of the receiver. A cursor "broken" is one of the sender.

import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;
import jakarta.xml.bind.annotation.XmlAccessType;
import jakarta.xml.bind.annotation.XmlAccessorType;
import jakarta.xml.bind.annotation.XmlElement;
import jakarta.xml.soap.SOAPConstants;
import jakarta.xml.soap.SOAPFactory;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.namespace.QName;
import org.apache.cxf.jaxws.JaxWsServerFactoryBean;
import org.apache.cxf.ws.addressing.WSAddressingFeature;
import org.apache.cxf.ws.security.wss4j.WSS4JInInterceptor;
import org.apache.wss4j.common.ext.WSPasswordCallback;

public class Service {
  @XmlAccessorType(XmlAccessType.FIELD)
  public static class Sale {
    @XmlElement public String sale_id;
    @XmlElement public String event_time;
    @XmlElement public String city;
    @XmlElement public BigDecimal amount;
  }

  @XmlAccessorType(XmlAccessType.FIELD)
  public static class Page {
    @XmlElement public List<Sale> sale = new ArrayList<>();
    @XmlElement public String next_cursor;
  }

  @WebService(name = "Sales", targetNamespace = "urn:sales")
  public interface Sales {
    @WebMethod(action = "urn:sales/List")
    @WebResult(name = "page")
    Page list(@WebParam(name = "cursor") String cursor, @WebParam(name = "limit") int limit);
  }

  @WebService(endpointInterface = "Service$Sales", targetNamespace = "urn:sales", serviceName = "SalesService")
  public static class Shop implements Sales {
    static final AtomicLong asked = new AtomicLong();
    final long rows;
    final String protocol;

    Shop(long rows, String protocol) {
      this.rows = rows;
      this.protocol = protocol;
    }

    SOAPFaultException fault(boolean mine, String said) {
      try {
        boolean is12 = protocol.equals(SOAPConstants.SOAP_1_2_PROTOCOL);
        String space = is12 ? SOAPConstants.URI_NS_SOAP_1_2_ENVELOPE : SOAPConstants.URI_NS_SOAP_1_1_ENVELOPE;
        String code = is12 ? (mine ? "Receiver" : "Sender") : (mine ? "Server" : "Client");
        return new SOAPFaultException(SOAPFactory.newInstance(protocol).createFault(said, new QName(space, code)));
      } catch (jakarta.xml.soap.SOAPException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Page list(String cursor, int limit) {
      if (asked.incrementAndGet() % 7 == 0) throw fault(true, "the shop is being cleaned");
      if ("broken".equals(cursor)) throw fault(false, "no such cursor");
      long from = cursor == null || cursor.isEmpty() ? 0 : Long.parseLong(cursor);
      long to = Math.min(from + limit, rows);
      Page page = new Page();
      for (long n = from; n < to; n++) {
        Sale sale = new Sale();
        sale.sale_id = "soap-" + n;
        sale.event_time = "2026-01-23T10:15:00Z";
        sale.city = "São <Paulo> & Co";
        sale.amount = new BigDecimal(n).add(new BigDecimal("0.50"));
        page.sale.add(sale);
      }
      if (to < rows) page.next_cursor = Long.toString(to);
      return page;
    }
  }

  static class Passwords implements CallbackHandler {
    @Override
    public void handle(Callback[] all) {
      for (Callback one : all) {
        if (one instanceof WSPasswordCallback asked && "ana".equals(asked.getIdentifier())) asked.setPassword("segredo");
      }
    }
  }

  static void publish(String path, long rows, String protocol, String binding) {
    JaxWsServerFactoryBean factory = new JaxWsServerFactoryBean();
    factory.setAddress(path);
    factory.setServiceBean(new Shop(rows, protocol));
    factory.setBindingId(binding);
    factory.getFeatures().add(new WSAddressingFeature());
    Map<String, Object> security = new HashMap<>();
    security.put("action", "UsernameToken Timestamp");
    security.put("passwordType", "PasswordDigest");
    security.put("passwordCallbackRef", new Passwords());
    factory.getInInterceptors().add(new WSS4JInInterceptor(security));
    factory.create();
  }

  public static void main(String[] words) throws Exception {
    long rows = Long.parseLong(words[0]);
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    String base = "http://127.0.0.1:" + port;
    publish(base + "/sales11", rows, SOAPConstants.SOAP_1_1_PROTOCOL, "http://schemas.xmlsoap.org/wsdl/soap/http");
    publish(base + "/sales12", rows, SOAPConstants.SOAP_1_2_PROTOCOL, "http://www.w3.org/2003/05/soap/bindings/HTTP/");
    System.out.println(base);
    System.out.flush();
    // Whoever started it holds its input: when that ends, so does this.
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
